import { ConsoleLogger } from '@nestjs/common';
import { readConfig } from '../config/read-config.js';
import type { ServerConfig } from '../config/server-config.js';
import { describeStartError } from './describe-start-error.js';
import { firstSteps } from './first-steps.js';
import { startServer, type RunningServer } from './start-server.js';

/** Behind this a stop is forced: supervisors send SIGKILL after ten seconds. */
const STOP_WITHIN_MS = 9_500;

const PARENT_INTERVAL_MS = 250;

/** Runs the server as a process until it is told to stop. Resolves to the exit code. */
export async function runServer(): Promise<number> {
  const stopped = stopSignal();
  let config: ServerConfig;
  let server: RunningServer;
  try {
    config = readConfig(process.env);
    server = await startServer(config, new ConsoleLogger({ logLevels: ['warn', 'error', 'fatal'] }), stopped);
  } catch (error) {
    if (stopped.aborted) return 0;
    process.stderr.write(`${describeStartError(error)}\n`);
    return 1;
  }
  process.stdout.write(firstSteps(server, config));
  await whenAborted(stopped);
  await server.stop();
  return 0;
}

/** Aborted by SIGTERM or SIGINT; whoever presses Ctrl-C twice does no harm. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) return;
    setTimeout(() => {
      process.stderr.write(`Not stopped within ${STOP_WITHIN_MS} ms; giving up.\n`);
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    controller.abort();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // npm puts a shell between itself and the server, and a signal to npm ends the shell alone.
  const parent = process.ppid;
  if (process.env['npm_lifecycle_event'] !== undefined) {
    setInterval(() => {
      if (process.ppid !== parent) stop();
    }, PARENT_INTERVAL_MS).unref();
  }
  return controller.signal;
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
}
