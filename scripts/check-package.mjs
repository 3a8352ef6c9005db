// Packs the library as it would be published, installs it in fresh applications outside of the workspace and uses it
// there: for each target of examples/quick-start the types, exports, the store on the target's TypeORM and the running
// application; for the other examples that they compile, start and do what they show; for the README that a newcomer gets
// there by it. Needs "npm run build:libs" first.
//
//   --only <name>   one target or example, by the beginning of its name; may be repeated
//   --node <path>   compiles and runs on another Node
//   --keep          leaves the temporary directory for a look
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkApplication } from './check-package/application.mjs';
import { startDatabaseServer } from './check-package/database-server.mjs';
import { checkNewcomer } from './check-package/newcomer.mjs';
import { checkPackedFiles, pack } from './check-package/packed-files.mjs';
import { checkExample, GROUPS, installGroup } from './check-package/examples/examples.mjs';
import { stopChildren, useNode } from './check-package/processes.mjs';
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

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    node: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const isChosen = (name) => flags.only.length === 0 || flags.only.some((start) => name.startsWith(start));
if (flags.node !== undefined) useNode(flags.node);
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
  const targets = TARGETS.filter(({ name }) => isChosen(name));
  const groups = GROUPS.map((group) => ({ ...group, examples: group.examples.filter(isChosen) }));
  const ended = await Promise.allSettled([
    ...targets.map((target) => checkTarget(target, packed.tarball)),
    ...groups.filter(({ examples }) => examples.length > 0).map((group) => checkGroup(group, packed.tarball)),
    isChosen('newcomer') ? checkReadme(packed.tarball) : undefined,
  ]);
  for (const { reason } of ended) if (reason !== undefined) report.failure(reason);
} catch (error) {
  report.failure(error);
} finally {
  stopChildren();
  await server?.stop();
  if (flags.keep) console.log(`Left in place: ${directory}`);
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

/** An example that fails ends itself alone. */
async function checkGroup(group, tarball) {
  const place = join(directory, `examples-${group.name}`);
  await report.step(`examples on ${group.name}: install, without optional peers`, () =>
    installGroup({ ...group, directory: place }, tarball),
  );
  for (const name of group.examples) {
    const step = (what, work) => report.step(`${name}: ${what}`, work);
    const { createDatabase } = server;
    await checkExample(step, name, join(place, name), { nodeOptions: [], createDatabase }).catch((error) =>
      report.failure(error),
    );
  }
}

function checkReadme(tarball) {
  const step = (what, work) => report.step(`newcomer: ${what}`, work);
  return checkNewcomer(step, join(directory, 'newcomer'), tarball, server.createDatabase);
}
