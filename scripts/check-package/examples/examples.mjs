import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { node, npm } from '../processes.mjs';
import { startApplication, stopApplication } from '../running.mjs';
import { DRIVES } from './drives.mjs';

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));
const LIBRARY = 'nestjs-identity-session';
/** What an application needs only for what it uses of it. */
const OPTIONAL_PEERS = [
  'redis',
  'ioredis',
  'socket.io',
  '@nestjs/swagger',
  '@nestjs/schedule',
  '@nestjs/event-emitter',
];

/** The same application as CommonJS, on the oldest Nest that sockets are for. */
const ON_NEST_11 = {
  type: 'commonjs',
  dependencies: {
    '@nestjs/common': '11.2.10',
    '@nestjs/core': '11.2.10',
    '@nestjs/platform-express': '11.2.10',
    '@nestjs/platform-socket.io': '11.2.6',
    '@nestjs/typeorm': '11.0.3',
    '@nestjs/websockets': '11.2.6',
    typeorm: '0.3.31',
  },
};

/**
 * Examples that are installed together, because they have the same Nest; one place for all that they need. `peers` are the
 * optional ones that they do need, and `manifest` is what their own is overlaid with.
 */
export const GROUPS = [
  { name: 'nest-12', examples: ['app-guard', 'jwt-sid', 'passport', 'rpc', 'graphql'] },
  { name: 'nest-11', examples: ['fastify-commonjs'] },
  { name: 'sockets-nest-12', examples: ['sockets'], peers: ['socket.io'] },
  { name: 'sockets-nest-11', examples: ['sockets'], peers: ['socket.io'], manifest: ON_NEST_11 },
];

/** Installs a group as workspaces, without the optional peers. npm refuses peers that do not fit. */
export async function installGroup({ directory, examples, peers = [], manifest = {} }, tarball) {
  await mkdir(directory);
  for (const name of examples) {
    await cp(join(EXAMPLES, name), join(directory, name), { recursive: true });
    await editManifest(join(directory, name), (own) => {
      Object.assign(own, manifest, { dependencies: { ...own.dependencies, ...manifest.dependencies } });
      own.dependencies[LIBRARY] = `file:${tarball}`;
    });
  }
  await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, workspaces: examples }));
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--prefer-offline'];
  await npm(['install', '--strict-peer-deps', ...quiet], { cwd: directory });
  const isThere = (peer) => existsSync(join(directory, 'node_modules', peer));
  const installed = OPTIONAL_PEERS.filter((peer) => !peers.includes(peer) && isThere(peer));
  assert.deepEqual(installed, [], 'Optional peers are there, so that nothing shows that it works without them.');
  assert.ok(existsSync(join(directory, 'node_modules', LIBRARY, 'dist')), 'The library is not installed.');
}

/** Compiles an example, starts it on databases of its own, uses it, and stops it. */
export async function checkExample(step, name, directory, { nodeOptions, createDatabase }) {
  await step('compiles', () => node([typescriptOf(directory), '-p', '.'], { cwd: directory }));
  const started = [];
  const start = async (environment = {}) => {
    const DATABASE_URL = await createDatabase();
    const application = await step('starts, on an empty database', () =>
      startApplication(directory, { nodeOptions, DATABASE_URL, ...environment }),
    );
    started.push(application);
    return application;
  };
  await DRIVES[name]({ step, start, createDatabase, directory });
  for (const application of started) await step('stops on SIGTERM', () => stopApplication(application));
}

/** Where npm has put it: beside the example, or above it. */
function typescriptOf(directory) {
  const places = [directory, join(directory, '..')].map((place) => join(place, 'node_modules/typescript/bin/tsc'));
  return places.find((path) => existsSync(path));
}

async function editManifest(directory, edit) {
  const path = join(directory, 'package.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  edit(manifest);
  await writeFile(path, JSON.stringify(manifest, undefined, 2));
}
