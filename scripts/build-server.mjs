// Builds the reference server, unless it is built of the same sources already. Needs the libraries' build: their types
// are among what the server is compiled against.
import { spawnSync } from 'node:child_process';
import { digestOf, isBuilt, markBuilt } from './sources.mjs';

/** In the folder that "nest start --watch" empties, as the build does. */
const STAMP = 'dist/apps/server/.sources';

const digest = digestOf(['libs/session/src', 'libs/session/package.json', 'apps/server', 'nest-cli.json']);
if (!isBuilt(STAMP, digest, ['dist/apps/server/main.js'])) {
  const nest = ['node_modules/@nestjs/cli/bin/nest.js', 'build', 'server'];
  const { status } = spawnSync(process.execPath, nest, { stdio: 'inherit' });
  if (status === 0) markBuilt(STAMP, digest);
  else process.exitCode = status ?? 1;
}
