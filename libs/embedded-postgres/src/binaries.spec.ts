import { afterEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { prepareBinaries } from './binaries.js';
import { findPlatformPackage } from './platform-package.js';
import type { ServerUser } from './server-user.js';
import { Scratch } from './testing/scratch.js';

const scratch = new Scratch();
afterEach(() => scratch.remove());

const LINK = { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' };
const itAsRoot = process.getuid?.() === 0 ? it : it.skip;
const itWithUnixModes = process.platform === 'win32' ? it.skip : it;
const stranger: ServerUser = { uid: 54_321, gid: 54_321, name: 'stranger' };

/** A package with the shape of the real one, without its 60 MB, and without its links. */
async function fakePackage(): Promise<{ name: string; native: string; copyTo: string }> {
  const root = await scratch.directory();
  await chmod(root, 0o755);
  const native = join(root, 'package', 'native');
  for (const folder of ['bin', 'lib/postgresql', 'share/postgresql']) {
    await mkdir(join(native, folder), { recursive: true });
  }
  for (const program of ['initdb', 'postgres', 'pg_ctl']) {
    await writeFile(join(native, 'bin', program), '', { mode: 0o755 });
  }
  await writeFile(join(native, 'lib', 'libpq.so.5.18'), '');
  await writeFile(join(native, 'lib', 'libpq.a'), '');
  await writeFile(join(native, 'share', 'postgresql', 'postgres.bki'), '');
  await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify([LINK]));
  return { name: 'fake', native, copyTo: join(root, 'copy') };
}

describe('prepareBinaries', () => {
  it('makes the links that a blocked install script has not made, so that PostgreSQL runs', async () => {
    const installed = findPlatformPackage();
    const native = join(await scratch.directory(), 'native');
    await cp(installed.native, native, { recursive: true, verbatimSymlinks: true });
    for (const entry of await readdir(join(native, 'lib'), { withFileTypes: true })) {
      if (entry.isSymbolicLink()) await rm(join(native, 'lib', entry.name));
    }
    const { postgres } = await prepareBinaries({ name: installed.name, native }, join(native, 'unused'), undefined);
    expect(dirname(dirname(postgres))).toBe(native);
    const { stdout } = await promisify(execFile)(postgres, ['--version']);
    expect(stdout).toContain('PostgreSQL');
  });

  itWithUnixModes('makes the links once, relative to their folder, however many ask at once', async () => {
    const { name, native, copyTo } = await fakePackage();
    await Promise.all([1, 2, 3].map(() => prepareBinaries({ name, native }, copyTo, undefined)));
    expect(await readlink(join(native, 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
    await expect(stat(copyTo)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  itWithUnixModes('makes programs executable that were unpacked without the bit', async () => {
    const { name, native, copyTo } = await fakePackage();
    await chmod(join(native, 'bin', 'postgres'), 0o644);
    const { postgres } = await prepareBinaries({ name, native }, copyTo, undefined);
    expect((await stat(postgres)).mode & 0o111).toBe(0o111);
  });

  itWithUnixModes('copies what the user of the server may not read, once, and readable', async () => {
    const { name, native, copyTo } = await fakePackage();
    await chmod(dirname(native), 0o700); // as below the home of root
    await chmod(join(native, 'share', 'postgresql', 'postgres.bki'), 0o600);
    const { postgres } = await prepareBinaries({ name, native }, copyTo, stranger);
    expect(postgres).toBe(join(copyTo, 'bin', 'postgres'));
    expect((await stat(join(copyTo, 'share', 'postgresql', 'postgres.bki'))).mode & 0o777).toBe(0o644);
    expect(await readdir(join(copyTo, 'lib'))).toEqual(['libpq.so.5', 'libpq.so.5.18', 'postgresql']);

    const { mtimeMs } = await stat(copyTo);
    await prepareBinaries({ name, native }, copyTo, stranger);
    expect((await stat(copyTo)).mtimeMs).toBe(mtimeMs);
  });

  itWithUnixModes('stays in the package when the user of the server can read it', async () => {
    const { name, native, copyTo } = await fakePackage();
    const { postgres } = await prepareBinaries({ name, native }, copyTo, stranger);
    expect(postgres).toBe(join(native, 'bin', 'postgres'));
  });

  itAsRoot('links in a copy when the package folder is not writable', async () => {
    const { name, native, copyTo } = await fakePackage();
    await chmod(dirname(copyTo), 0o777);
    process.seteuid!(stranger.uid);
    try {
      const { postgres } = await prepareBinaries({ name, native }, copyTo, undefined);
      expect(postgres).toBe(join(copyTo, 'bin', 'postgres'));
    } finally {
      process.seteuid!(0);
    }
    expect(await readlink(join(copyTo, 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
    await expect(stat(join(native, 'lib', 'libpq.so.5'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says what to do when the package is damaged', async () => {
    const { name, native, copyTo } = await fakePackage();
    await rm(join(native, 'bin'), { recursive: true });
    await expect(prepareBinaries({ name, native }, copyTo, undefined)).rejects.toMatchObject({
      code: 'BINARIES_UNUSABLE',
      message: expect.stringContaining('npm ci'),
    });
  });
});
