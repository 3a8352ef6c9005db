import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';

/** Variables of the server (see docs); nothing is taken over from the test's own environment but PATH and HOME. */
export type ServerEnvironment = Readonly<Record<string, string>>;

/** The built server as a process of its own. */
export interface ServerProcess {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly pid: number;
  /** Everything that it has printed so far. */
  readonly output: () => string;
  /** Resolves with the exit code, or `null` where a signal ended it. */
  readonly exited: Promise<number | null>;
  /** SIGTERM; the exit code. May be called again. */
  stop(): Promise<number | null>;
  /** SIGKILL: nothing is flushed. */
  kill(): Promise<void>;
}

/** What a process that did not start has left. */
export interface FailedStart {
  readonly code: number | null;
  readonly output: string;
}

const MAIN = fileURLToPath(new URL('../../dist/apps/server/main.js', import.meta.url));
const READY = /^Listening on (\S+) /m;
const START_WITHIN_MS = 45_000;

/** Starts `dist/apps/server/main.js` on a free port and waits until it listens. */
export async function startServer(
  environment: ServerEnvironment,
  nodeOptions: readonly string[] = [],
): Promise<ServerProcess> {
  const run = launch(environment, nodeOptions);
  const url = await Promise.race([run.ready, run.exited.then(() => undefined)]);
  if (url === undefined) {
    run.child.kill('SIGKILL');
    throw new Error(`The server did not start:\n${run.output()}`);
  }
  return {
    url,
    pid: run.child.pid ?? 0,
    output: run.output,
    exited: run.exited,
    stop: () => {
      run.child.kill('SIGTERM');
      return run.exited;
    },
    kill: async () => {
      run.child.kill('SIGKILL');
      await run.exited;
    },
  };
}

/** Starts it where it is expected to give up, and waits for that. */
export async function startAndFail(environment: ServerEnvironment): Promise<FailedStart> {
  const { exited, output } = launch(environment);
  return { code: await exited, output: output() };
}

function launch(
  environment: ServerEnvironment,
  nodeOptions: readonly string[] = [],
): {
  child: ChildProcess;
  output: () => string;
  ready: Promise<string | undefined>;
  exited: Promise<number | null>;
} {
  if (!existsSync(MAIN)) throw new Error('The server is not built: run "npm run build" first.');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [...nodeOptions, MAIN], {
    env: { PATH, HOME, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ready = new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => {
      resolve(undefined);
    }, START_WITHIN_MS).unref();
    const read = (chunk: Buffer): void => {
      printed += chunk.toString();
      const url = READY.exec(printed)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
  });
  return { child, output: () => printed, ready, exited };
}

/** Starts the server from its sources in this process, on a free port, quietly. `stop` it before the test ends. */
export async function startInProcess(environment: ServerEnvironment): Promise<RunningServer> {
  // Not for those who start processes only: loading it takes as long as all else that they load.
  const [{ ConsoleLogger }, { readConfig }, { startServer: startFromSource }] = await Promise.all([
    import('@nestjs/common'),
    import('../../apps/server/src/config/read-config.js'),
    import('../../apps/server/src/start/start-server.js'),
  ]);
  return startFromSource(readConfig({ PORT: '0', ...environment }), new ConsoleLogger({ logLevels: ['fatal'] }));
}
