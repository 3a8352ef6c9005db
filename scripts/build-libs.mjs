// Builds the libraries that the applications import by name: the session library as ESM and CommonJS, and the embedded
// PostgreSQL launcher, side by side. Everything is compiled beside what is there and takes its place at the end, so that
// a build that fails leaves the last one usable. What is built of the same sources already is left as it is.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { digestOf, isBuilt, markBuilt } from './sources.mjs';

/** Among what takes its place last, and not in the package that is published. */
const STAMP = 'libs/embedded-postgres/dist/.sources';
const SOURCES = ['session', 'embedded-postgres'].flatMap((library) =>
  ['src', 'package.json', 'tsconfig.lib.json'].map((name) => `libs/${library}/${name}`),
);

const tsc = (project, outDir, ...more) =>
  new Promise((resolve, reject) => {
    const args = ['node_modules/typescript/bin/tsc', '-p', project, '--outDir', outDir, ...more];
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`tsc -p ${project} failed`))));
  });

const fresh = (library) => {
  const path = `libs/${library}/dist.${process.pid}`;
  rmSync(path, { recursive: true, force: true });
  return path;
};

async function build(digest) {
  const session = fresh('session');
  const postgres = fresh('embedded-postgres');
  try {
    // All of them to the end: what still writes would bring back what is removed after a failure.
    const builds = await Promise.allSettled([
      tsc('libs/session/tsconfig.lib.json', `${session}/esm`),
      // Types are checked beside it, of the same sources.
      tsc('libs/session/tsconfig.cjs.json', `${session}/cjs`, '--noCheck'),
      tsc('libs/embedded-postgres/tsconfig.lib.json', postgres),
    ]);
    const failed = builds.find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    writeFileSync(`${session}/cjs/package.json`, '{"type":"commonjs"}\n');
    for (const path of [session, postgres]) {
      const place = path.replace(/\.\d+$/, '');
      rmSync(place, { recursive: true, force: true });
      renameSync(path, place);
    }
    markBuilt(STAMP, digest);
  } catch (error) {
    for (const path of [session, postgres]) rmSync(path, { recursive: true, force: true });
    console.error(error.message);
    process.exitCode = 1;
  }
}

const digest = digestOf([...SOURCES, 'libs/session/tsconfig.cjs.json']);
const outputs = ['libs/session/dist/esm/index.js', 'libs/session/dist/cjs/index.js'];
if (!isBuilt(STAMP, digest, outputs)) await build(digest);
for (const file of ['README.md', 'LICENSE']) if (existsSync(file)) copyFileSync(file, `libs/session/${file}`);
