import { chown, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { EmbeddedPostgresError } from './errors.js';
import type { ServerUser } from './server-user.js';

/** The only address that the server listens on. */
export const HOST = '127.0.0.1';

/** Tries to listen. Resolves to the port (a free one for 0), or undefined when it is taken or not allowed. */
async function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(undefined);
    });
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => {
        resolve(bound);
      });
    });
  });
}

/** Whether nobody listens on the port of the loopback address now. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined;
}

/**
 * The port to start on: the wanted one, or PORT_TAKEN; without one the port of the last run while it is free, so that
 * a URL that was noted down stays good; else any free one.
 */
export async function choosePort(wanted: number | undefined, portFile: string): Promise<number> {
  if (wanted !== undefined) {
    if (await isPortFree(wanted)) return wanted;
    throw portTaken(wanted);
  }
  const last = Number(await readFile(portFile, 'utf8').catch(() => '0'));
  const kept = Number.isInteger(last) && last > 0 && last < 65_536 ? await tryPort(last) : undefined;
  const port = kept ?? (await tryPort(0));
  if (port === undefined) throw portTaken(0);
  return port;
}

/** Remembers the port for the next run, in a file of the server's user. */
export async function keepPort(portFile: string, port: number, user: ServerUser | undefined): Promise<void> {
  await writeFile(portFile, `${port}\n`, { mode: 0o600 });
  if (user) await chown(portFile, user.uid, user.gid); // They may start without root the next time.
}

/** The typed error for a port that cannot be listened on. */
export function portTaken(port: number, cause?: unknown): EmbeddedPostgresError {
  const what = port === 0 ? 'No free port was found' : `Port ${port} cannot be used`;
  return new EmbeddedPostgresError(
    'PORT_TAKEN',
    `${what} for the embedded PostgreSQL on ${HOST}: likely another program, perhaps another PostgreSQL, listens ` +
      `there, or the port is a privileged one. Stop that program, choose another port, or leave the port out to get a ` +
      `free one.`,
    {},
    cause,
  );
}
