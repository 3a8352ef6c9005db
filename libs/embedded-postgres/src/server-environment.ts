/**
 * The environment that PostgreSQL's programs run in: nothing of the application's, whose secrets would else be
 * readable in the server's /proc entry, and the same messages, time zone and sort order on every machine.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const common = { LC_ALL: 'C', TZ: 'UTC' };
  // Windows programs do not start without SystemRoot and its kind.
  if (process.platform === 'win32') return { ...process.env, ...common };
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...common };
}
