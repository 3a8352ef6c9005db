import { afterEach, describe, expect, it } from '@jest/globals';
import { chmod, chown, mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseServerUser, firstBarrier, permits, type ServerUser } from './server-user.js';
import { query, Scratch } from './testing/scratch.js';

const scratch = new Scratch();
afterEach(() => scratch.remove());

const itAsRoot = process.getuid?.() === 0 ? it : it.skip;
const itOnUnix = process.platform === 'win32' ? it.skip : it;
const stranger: ServerUser = { uid: 54_321, gid: 54_321, name: 'stranger' };
const nobody: ServerUser = { uid: 65_534, gid: 65_534, name: 'nobody' };

describe('the user that PostgreSQL runs as', () => {
  itOnUnix('is the one of this process unless that is root', async () => {
    const user = await chooseServerUser(join(await scratch.directory(), 'cluster'));
    if (process.getuid?.() === 0) expect(['postgres', 'nobody']).toContain(user?.name);
    else expect(user).toBeUndefined();
  });

  itAsRoot('owns the cluster, and so does the server process', async () => {
    const dataDir = await scratch.directory();
    const user = await chooseServerUser(join(dataDir, 'cluster'));
    const { pid } = await scratch.start({ dataDir });
    expect((await stat(join(dataDir, 'cluster'))).uid).toBe(user!.uid);
    expect((await stat(`/proc/${pid}`)).uid).toBe(user!.uid);
  });

  itAsRoot('stays the owner of an existing cluster, who can go on without root', async () => {
    const dist = fileURLToPath(new URL('../dist/', import.meta.url));
    if (await firstBarrier(dist, nobody)) return; // The checkout is private: nobody else can run it.
    const dataDir = await scratch.directory();
    await chown(dataDir, nobody.uid, nobody.gid);
    const asNobody = async (): Promise<string> => {
      const owner = scratch.owner({ dataDir }, nobody);
      const { started } = await owner.report();
      owner.pressCtrlC();
      await owner.exited;
      return started!.url;
    };
    const url = await asNobody();

    const asRoot = await scratch.start({ dataDir });
    expect((await stat(`/proc/${asRoot.pid}`)).uid).toBe(nobody.uid);
    expect(await query(asRoot.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await asRoot.stop();

    expect(await asNobody()).toBe(url);
  });

  itAsRoot('must be able to reach the data directory; the error names the folder in the way', async () => {
    const home = await realpath(await scratch.directory()); // mode 0700, of root
    const dataDir = join(home, 'project', '.data');
    await expect(scratch.start({ dataDir })).rejects.toMatchObject({
      code: 'DATA_DIR_UNREACHABLE',
      message: expect.stringContaining(`"chmod o+x ${home}"`),
    });
    await chmod(home, 0o711);
    expect((await scratch.start({ dataDir })).adopted).toBe(false);
  });

  itAsRoot('gets a data directory below folders made under a strict umask', async () => {
    const root = await scratch.directory();
    await chmod(root, 0o755);
    const before = process.umask(0o077);
    try {
      await expect(scratch.start({ dataDir: join(root, 'a', 'b') })).resolves.toBeDefined();
    } finally {
      process.umask(before);
    }
  });
});

describe('permits', () => {
  itOnUnix('reads the bits of the owner, the group or the others', async () => {
    const path = await scratch.directory();
    await chmod(path, 0o751);
    const stats = await stat(path);
    expect(permits(stats, { ...stranger, uid: stats.uid }, 5)).toBe(true);
    expect(permits(stats, { ...stranger, gid: stats.gid }, 5)).toBe(true);
    expect(permits(stats, stranger, 5)).toBe(false);
    expect(permits(stats, stranger, 1)).toBe(true);
  });
});

describe('firstBarrier', () => {
  itOnUnix('is the outermost folder that the user may not enter', async () => {
    const root = await realpath(await scratch.directory());
    const inner = join(root, 'inner');
    await mkdir(inner);
    expect(await firstBarrier(inner, stranger)).toBe(root);
    await chmod(root, 0o755);
    expect(await firstBarrier(inner, stranger)).toBeUndefined();
  });
});
