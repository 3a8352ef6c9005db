// Builds the libraries that the applications import by name: the session library as ESM and CommonJS, and the embedded
// PostgreSQL launcher, side by side. Everything is compiled beside what is there and takes its place at the end, so that
// a build that fails leaves the last one usable.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const tsc = (project, outDir) =>
  new Promise((resolve, reject) => {
    const args = ['node_modules/typescript/bin/tsc', '-p', project, '--outDir', outDir];
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`tsc -p ${project} failed`))));
  });

const fresh = (library) => {
  const path = `libs/${library}/dist.${process.pid}`;
  rmSync(path, { recursive: true, force: true });
  return path;
};
const session = fresh('session');
const postgres = fresh('embedded-postgres');

try {
  // All of them to the end: what still writes would bring back what is removed after a failure.
  const builds = await Promise.allSettled([
    tsc('libs/session/tsconfig.lib.json', `${session}/esm`),
    tsc('libs/session/tsconfig.cjs.json', `${session}/cjs`),
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
  for (const file of ['README.md', 'LICENSE']) if (existsSync(file)) copyFileSync(file, `libs/session/${file}`);
} catch (error) {
  for (const path of [session, postgres]) rmSync(path, { recursive: true, force: true });
  console.error(error.message);
  process.exitCode = 1;
}
