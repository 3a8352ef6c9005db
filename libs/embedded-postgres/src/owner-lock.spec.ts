import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireOwnerLock, type OwnerLock } from './owner-lock.js';
import { identify } from './process-identity.js';
import { Scratch } from './testing/scratch.js';

const scratch = new Scratch();
afterEach(() => scratch.remove());

const NO_SUCH_PID = 2_147_483_647;

async function lockPath(): Promise<string> {
  return join(await scratch.directory(), 'owner');
}

async function leaveClaim(path: string, content: unknown): Promise<void> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'left.json'), typeof content === 'string' ? content : JSON.stringify(content));
}

describe('the owner lock', () => {
  it('goes to exactly one of many that try at once, round after round', async () => {
    const path = await lockPath();
    for (let round = 0; round < 30; round++) {
      await leaveClaim(path, { pid: NO_SUCH_PID, startTime: null, url: null });
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, async () => {
          const lock = await acquireOwnerLock(path);
          await lock.publish('postgres://there');
          return lock;
        }),
      );
      const won = results.filter(
        (result): result is PromiseFulfilledResult<OwnerLock> => result.status === 'fulfilled',
      );
      expect(won).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ALREADY_RUNNING' });
      }
      await won[0]!.value.release();
    }
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('is not mistaken for that of a live process with the same pid', async () => {
    if (identify(process.ppid)?.startTime === null) return; // The system does not tell when a process began.
    const path = await lockPath();
    await leaveClaim(path, { pid: process.ppid, startTime: '1', url: 'postgres://gone' });
    await expect(acquireOwnerLock(path)).resolves.toBeDefined();
  });

  it('is held by a live process of whose start nothing is known', async () => {
    const path = await lockPath();
    await leaveClaim(path, { pid: process.ppid, startTime: null, url: 'postgres://there' });
    await expect(acquireOwnerLock(path)).rejects.toMatchObject({
      details: { ownerPid: process.ppid, url: 'postgres://there' },
    });
  });

  it('is taken over from a file that a power loss cut short', async () => {
    const path = await lockPath();
    await leaveClaim(path, '');
    await expect(acquireOwnerLock(path)).resolves.toBeDefined();
  });

  it('is not taken away from its next owner by a late second release', async () => {
    const path = await lockPath();
    const first = await acquireOwnerLock(path);
    await first.release();
    await (await acquireOwnerLock(path)).publish('postgres://there');
    await first.release();
    await expect(acquireOwnerLock(path)).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
  });

  it('tells the URL to those who asked before the owner had one', async () => {
    const path = await lockPath();
    const lock = await acquireOwnerLock(path);
    const refused = expect(acquireOwnerLock(path)).rejects.toMatchObject({ details: { url: 'postgres://there' } });
    await lock.publish('postgres://there');
    await refused;
  });

  it('sweeps away claims of processes that were killed while they claimed', async () => {
    const path = await lockPath();
    const abandoned = `${path}.claim-${NO_SUCH_PID}-x.json`;
    await leaveClaim(abandoned, {});
    await acquireOwnerLock(path);
    await expect(stat(abandoned)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
