import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EmbeddedPostgresErrorDetails } from '../errors.js';
import type { EmbeddedPostgresOptions } from '../options.js';

/** What an owner process prints. */
export interface OwnerReport {
  readonly started?: { readonly url: string; readonly port: number; readonly pid: number; readonly adopted: boolean };
  readonly failed?: {
    readonly code: string;
    readonly message: string;
    readonly details: EmbeddedPostgresErrorDetails;
  };
  readonly interrupted?: { readonly answer: number };
}

/** A process of its own, in a process group of its own, that runs the built launcher. */
export interface OwnerProcess {
  readonly pid: number;
  /** The next line that it prints. Rejects when it ends first. */
  report(): Promise<OwnerReport>;
  /** Ends it without a chance to clean up, and waits until it is gone. */
  kill(): Promise<void>;
  /** What the terminal does on Ctrl-C: SIGINT to the whole process group. */
  pressCtrlC(): void;
  readonly exited: Promise<void>;
}

/** Runs owner.mjs with the options, as another user when `as` is given. */
export function spawnOwner(
  options: EmbeddedPostgresOptions,
  as?: { readonly uid: number; readonly gid: number },
): OwnerProcess {
  const script = fileURLToPath(new URL('owner.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
    ...(as && { uid: as.uid, gid: as.gid }),
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = hasExited(child);
  const pid = child.pid ?? Number.NaN; // NaN only when the system is out of processes.
  return {
    pid,
    exited,
    report: async () => {
      const line = await lines.next();
      if (line.done) throw new Error('The owner process ended without a report');
      return JSON.parse(line.value) as OwnerReport;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    pressCtrlC: () => {
      process.kill(-pid, 'SIGINT');
    },
  };
}

async function hasExited(child: ChildProcess): Promise<void> {
  await once(child, 'exit');
}
