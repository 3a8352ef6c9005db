import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { join, posix } from 'node:path';
import { DRIVES } from './examples/drives.mjs';
import { GROUPS } from './examples/examples.mjs';
import { node, npm } from './processes.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LIBRARY = join(ROOT, 'libs/session');
const EXAMPLES = join(ROOT, 'examples');

/** Packs the library; gives the tarball and what is in it. */
export async function pack(destination) {
  for (const entry of ['dist/esm/index.js', 'dist/cjs/index.js', 'dist/cjs/package.json']) {
    assert.ok(existsSync(join(LIBRARY, entry)), `libs/session/${entry} is missing: run "npm run build:libs" first.`);
  }
  const answer = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', destination], { cwd: LIBRARY });
  const [{ filename, files, size }] = JSON.parse(answer);
  return { tarball: join(destination, filename), paths: files.map((file) => file.path), size };
}

/** What is published, and nothing else. Each step stands alone. */
export async function checkPackedFiles(report, { tarball, paths, size }) {
  const manifest = JSON.parse(await readFile(join(LIBRARY, 'package.json'), 'utf8'));
  const steps = {
    [`packed: what users need, ${paths.length} files, ${Math.round(size / 1024)} KiB`]: () => checkPresent(paths),
    'packed: no sources, tests or maps': () => checkAbsent(paths),
    'packed: no trace of the workspace in package.json': () => checkManifest(manifest),
    'packed: imports only what is there or declared': () => checkImports(paths, manifest),
    'packed: versions of the examples': () => checkExamples(manifest),
    'packed: publint finds nothing': () => bin('publint/src/cli.js', ['run', tarball, '--strict']),
    'packed: are-the-types-wrong finds nothing': () => bin('@arethetypeswrong/cli/dist/index.js', [tarball, '--quiet']),
  };
  for (const [name, work] of Object.entries(steps)) {
    await report.step(name, work).catch(() => undefined);
  }
}

async function checkPresent(paths) {
  const readme = existsSync(join(ROOT, 'README.md')) ? ['README.md'] : [];
  const entries = ['esm', 'cjs'].flatMap((kind) =>
    ['index', 'testing/index'].flatMap((entry) => ['js', 'd.ts'].map((suffix) => `dist/${kind}/${entry}.${suffix}`)),
  );
  const missing = ['package.json', 'LICENSE', ...readme, 'dist/cjs/package.json', ...entries].filter(
    (path) => !paths.includes(path),
  );
  assertNone(missing, 'Missing; "npm run build:libs" makes them');
  const scope = JSON.parse(await readFile(join(LIBRARY, 'dist/cjs/package.json'), 'utf8'));
  assert.deepEqual(scope, { type: 'commonjs' });
}

function checkAbsent(paths) {
  const published = /^(package\.json|README\.md|LICENSE|dist\/cjs\/package\.json|dist\/(esm|cjs)\/.+\.(js|d\.ts))$/;
  const test = /\.(spec|test|e2e|spec-support)\.|__tests__|(^|\/)test\//;
  const stray = paths.filter((path) => !published.test(path) || test.test(path));
  assertNone(stray, 'Not to be published');
}

function checkManifest(manifest) {
  for (const field of ['devDependencies', 'workspaces', 'scripts', 'overrides', 'private', 'bundledDependencies']) {
    assert.ok(!(field in manifest), `package.json has "${field}".`);
  }
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies });
  const local = ranges.filter(([, range]) => !/^[\^~]?\d/.test(range)).map((range) => range.join('@'));
  assertNone(local, 'No versions that a registry has');
  const both = Object.keys(manifest.dependencies).filter((name) => name in manifest.peerDependencies);
  assertNone(both, 'Dependency and peer at once');
  for (const entry of Object.values(manifest.exports).filter((value) => typeof value === 'object')) {
    assert.deepEqual(Object.keys(entry), ['module-sync', 'import', 'require'], 'The first condition that fits wins.');
    for (const condition of Object.values(entry)) assert.equal(Object.keys(condition)[0], 'types');
  }
}

/** In code and declarations alike: an import of what is not declared works here, by hoisting, and nowhere else. */
async function checkImports(paths, { dependencies, peerDependencies }) {
  const declared = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
  const used = new Set();
  const wrong = [];
  for (const path of paths.filter((file) => /\.(js|d\.ts)$/.test(file))) {
    const text = await readFile(join(LIBRARY, path), 'utf8');
    for (const [, specifier] of text.matchAll(/(?:\bfrom|\bimport|\brequire)[ (]*["']([^"'\n]+)["']/g)) {
      if (specifier.startsWith('.')) {
        if (!paths.includes(posix.join(posix.dirname(path), specifier))) wrong.push(`${path}: ${specifier}`);
      } else if (!isBuiltin(specifier)) {
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        used.add(name);
        if (!declared.has(name)) wrong.push(`${path}: ${specifier}`);
      }
    }
  }
  assertNone(wrong, 'Imported, but not there for users');
  const idle = Object.keys(dependencies).filter((name) => !used.has(name));
  assertNone(idle, 'Dependencies that nothing imports');
}

async function checkExamples({ name, version }) {
  const folders = (await readdir(EXAMPLES)).filter((folder) => !folder.includes('.'));
  const manifests = [
    ...['nest-12-esm', 'nest-11-cjs'].map((target) => join('quick-start/targets', target)),
    ...folders.filter((folder) => folder !== 'quick-start'),
  ];
  for (const folder of manifests) {
    const { dependencies } = JSON.parse(await readFile(join(EXAMPLES, folder, 'package.json'), 'utf8'));
    assert.equal(dependencies[name], version, `${folder} names another version of the library.`);
  }
  const driven = [...Object.keys(DRIVES), 'quick-start'].sort();
  assert.deepEqual(
    folders.sort(),
    driven,
    'Every example must be driven in scripts/check-package/examples/drives.mjs.',
  );
  const grouped = [...new Set(GROUPS.flatMap(({ examples }) => examples)), 'quick-start'].sort();
  assert.deepEqual(grouped, driven, 'Every example must be in a group.');
}

/** Runs a command of a package that the workspace has, by its file: it needs no PATH. */
function bin(file, args) {
  return node([join(ROOT, 'node_modules', file), ...args]);
}

function assertNone(names, what) {
  assert.ok(names.length === 0, `${what}:\n${names.join('\n')}`);
}
