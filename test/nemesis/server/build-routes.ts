import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';

const SOURCE = fileURLToPath(new URL('more-routes.ts', import.meta.url));
const BUILT = fileURLToPath(new URL('../../../dist/nemesis/', import.meta.url));

/**
 * Builds what nodes load before the server; the file's path. They load it built, since hooks that translate would slow every
 * start down.
 */
export async function buildRoutes(): Promise<string> {
  const { code } = await transform(await readFile(SOURCE, 'utf8'), {
    filename: SOURCE,
    swcrc: false,
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
  });
  const file = `${BUILT}more-routes.js`;
  await mkdir(BUILT, { recursive: true });
  await writeFile(file, code);
  return file;
}
