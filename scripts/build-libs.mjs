// Builds the libraries that the applications import by name: the session library as ESM and CommonJS, then the
// embedded PostgreSQL launcher. The two module kinds are compiled side by side: each takes a few seconds.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';

const tsc = (project) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], { stdio: 'inherit' });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`tsc -p ${project} failed`))));
  });

rmSync('libs/session/dist', { recursive: true, force: true });
rmSync('libs/embedded-postgres/dist', { recursive: true, force: true });
await Promise.all([
  tsc('libs/session/tsconfig.lib.json'),
  tsc('libs/session/tsconfig.cjs.json'),
  tsc('libs/embedded-postgres/tsconfig.lib.json'),
]);
mkdirSync('libs/session/dist/cjs', { recursive: true });
writeFileSync('libs/session/dist/cjs/package.json', '{"type":"commonjs"}\n');
for (const file of ['README.md', 'LICENSE']) cpSync(file, `libs/session/${file}`);
