// Packs the library as it would be published, installs it in fresh applications outside of the workspace, one for each
// target of examples/quick-start, and uses it there: types, exports, the store on the target's TypeORM, the running
// application. Needs "npm run build:libs" first. `--keep` leaves the temporary directory for a look.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkApplication } from './check-package/application.mjs';
import { startDatabaseServer } from './check-package/database-server.mjs';
import { checkPackedFiles, pack } from './check-package/packed-files.mjs';
import { stopChildren } from './check-package/processes.mjs';
import { Report } from './check-package/report.mjs';
import { checkStore } from './check-package/store.mjs';
import { checkExports, checkTypes, compile, install } from './check-package/target.mjs';

/** Node gives `require` the ES modules. Bundlers and Jest do not, and without this nor does Node. */
const ESM = { build: 'esm', nodeOptions: [] };
const CJS = { build: 'cjs', nodeOptions: ['--no-experimental-require-module'] };

const TARGETS = [
  { name: 'nest-12-esm', ways: [ESM] },
  { name: 'nest-11-cjs', ways: [ESM, CJS] },
];

const keep = process.argv.includes('--keep');
const report = new Report();
const directory = await mkdtemp(join(tmpdir(), 'identity-session-package-'));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stopChildren);
let server;
try {
  const packed = await report.step('npm pack', () => pack(directory));
  const started = startDatabaseServer();
  // A failure is told where the server is first used, after the checks that need none.
  started.catch(() => undefined);
  await checkPackedFiles(report, packed);
  server = await started;
  const ended = await Promise.allSettled(TARGETS.map((target) => checkTarget(target, packed.tarball)));
  for (const { reason } of ended) if (reason !== undefined) report.failure(reason);
} catch (error) {
  report.failure(error);
} finally {
  stopChildren();
  await server?.stop();
  if (keep) console.log(`Left in place: ${directory}`);
  else await rm(directory, { recursive: true, force: true });
}
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exitCode = report.failed === 0 ? 0 : 1;

/** A step that fails ends its target, since the next ones build on it; the other target goes on. */
async function checkTarget({ name, ways }, tarball) {
  const target = { name, directory: join(directory, name) };
  const step = (what, work) => report.step(`${name}: ${what}`, work);
  await step('installs, peers satisfied', () => install(target, tarball));
  await step('types resolve for every kind of module', () => checkTypes(target));
  await step('compiles, declarations checked', () => compile(target));
  for (const way of ways) {
    const stepOfWay = (what, work) => step(`${what} [${way.build} build]`, work);
    await stepOfWay('exports', () => checkExports(target, way));
    await stepOfWay('store contract', async () => checkStore(target, way, await server.createDatabase()));
    await checkApplication(stepOfWay, target, way, await server.createDatabase());
  }
}
