/** The database did not answer at the start. The text names where it was sought, without the password. */
export class DatabaseUnreachable extends Error {
  override readonly name = 'DatabaseUnreachable';

  constructor(url: string, cause: unknown) {
    super(
      `PostgreSQL at ${placeOf(url)} cannot be used: ${reasonOf(cause)}. ` +
        `Check that it runs and that DATABASE_URL is right, or leave DATABASE_URL out to start an embedded one.`,
      { cause },
    );
  }
}

function placeOf(url: string): string {
  const { username, host, pathname } = new URL(url);
  return `${username === '' ? '' : `${username}@`}${host}${pathname}`;
}

function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ');
  return cause instanceof Error && cause.message !== '' ? cause.message : 'no connection';
}
