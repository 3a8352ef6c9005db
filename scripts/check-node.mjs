// Proves that the library works on another Node than ours: gets that Node from the npm registry, checks the packed
// package on it with both majors of Nest, and runs the library's suites that need no PostgreSQL store on it: the package
// check runs the store's contract. Needs "npm run build:libs" first.
//
//   node scripts/check-node.mjs 24
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [wanted] = process.argv.slice(2);
if (!/^\d+(\.\d+){0,2}$/.test(wanted ?? '')) {
  console.error('Name a version of Node: node scripts/check-node.mjs 24');
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), 'identity-session-node-'));
try {
  const path = install(`node-${platform()}-${process.arch}@${wanted}`);
  run('it starts', path, ['--version']);
  run('the package on it', process.execPath, ['scripts/check-package.mjs', '--node', path, ...targets()]);
  run('the library’s suites on it', path, [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    String.raw`libs/session/src/(core|store/memory|cache|redis|sync|nest)/`,
  ]);
} catch (error) {
  console.error(`FAIL  Node ${wanted}: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** One application of each major of Nest, without the examples: these stand on the same. */
function targets() {
  return ['--only', 'nest-12-esm', '--only', 'nest-11-cjs'];
}

/** The package that holds nothing but the binary: `node` itself fetches it by an install script, which npm may block. */
function install(name) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const quiet = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts'];
  run(name, npm, ['install', ...quiet, '--prefix', directory, name]);
  const [folder] = name.split('@');
  return join(directory, 'node_modules', folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

function platform() {
  return process.platform === 'win32' ? 'win' : process.platform;
}

function run(what, command, args) {
  console.log(`== ${what}`);
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${what}: ${signal ?? `exit code ${status}`}`);
}
