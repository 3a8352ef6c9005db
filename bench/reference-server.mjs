import { spawn } from 'node:child_process';

/** Starts the built reference server on a free port; gives its `url` and `stop`, once it listens. */
export function startReferenceServer(environment) {
  const child = spawn(process.execPath, ['dist/apps/server/main.js'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', SIGN_IN_LIMIT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      const found = /^Listening on (\S+) /m.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    });
    void exited.then(() => reject(new Error(`The server did not start:\n${printed}`)));
  });
  const stop = () => {
    child.kill('SIGTERM');
    return exited;
  };
  return url.then((found) => ({ url: found, stop }));
}
