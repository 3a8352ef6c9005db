import { execFile } from 'node:child_process';
import { readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codeOf } from './errors.js';
import { identify, type ProcessIdentity } from './process-identity.js';

/** A running postmaster, as its postmaster.pid tells. */
export interface Postmaster {
  readonly identity: ProcessIdentity;
  readonly port: number;
}

/** Above what any system gives out. */
const NO_SUCH_PID = 2_147_483_647;

/**
 * The postmaster that runs the cluster now, or undefined. A postmaster.pid whose pid now belongs to a process that is
 * not PostgreSQL (after a reboot, or in a restarted container) is made harmless: PostgreSQL itself would refuse to
 * start. It is kept but for the pid, for it also names the shared memory that children of a killed server may hold.
 */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = join(cluster, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const [pidLine = '', , , portLine = ''] = text.split('\n');
  const pid = Number.parseInt(pidLine, 10);
  const identity = Number.isInteger(pid) && pid > 0 ? identify(pid) : undefined;
  if (!identity) return undefined;
  const port = Number.parseInt(portLine, 10);
  if (await runsCluster(pid, cluster)) return Number.isInteger(port) ? { identity, port } : undefined;
  await writeFile(file, text.replace(pidLine, String(NO_SUCH_PID)));
  return undefined;
}

/** Whether a live process is a PostgreSQL of this cluster. Where the system cannot tell, whether it is a PostgreSQL. */
export async function runsCluster(pid: number, cluster: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const real = await realpath(cluster);
    // The postmaster works in the data directory. Root without CAP_SYS_PTRACE (in a container) may not read that.
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    if (cwd !== undefined) return cwd === real;
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return commandLine.split('\0').some((argument) => argument === cluster || argument === real);
  }
  const run = promisify(execFile);
  const { stdout } = await (
    process.platform === 'win32'
      ? run('tasklist', ['/fi', `PID eq ${pid}`, '/fo', 'csv', '/nh'])
      : run('ps', ['-ww', '-o', 'command=', '-p', String(pid)])
  ).catch(() => ({ stdout: '' }));
  return stdout.includes('postgres');
}
