import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assertProblem, clientOf, sessionCookieOf } from './client.mjs';
import { node, nodePath, npm, start } from './processes.mjs';
import { freePort, stopApplication } from './running.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NEST = join(ROOT, 'node_modules/@nestjs/cli/bin/nest.js');
const QUIET = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
const START_LIMIT_MS = 120_000;
const PROMISED_MS = 600_000;

/**
 * What somebody does who has a Nest application and this library's README: what `nest new` makes is the application, the
 * README's lines are applied as they stand, and the existing route is guarded, signed in to and revoked.
 */
export async function checkNewcomer(step, parent, tarball, createDatabase) {
  const directory = join(parent, 'application');
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  await step('has an application, by nest new', () => makeApplication(parent, directory));
  await step('whose route is open', () => run(directory, {}, checkOpen));
  const begunAt = performance.now();
  await step('installs what the README says', () => installAsTold(readme, directory, tarball));
  await step('takes over the README’s example', () => applyExample(readme, directory));
  await step('compiles', () => build(directory));
  const environment = { DATABASE_URL: await createDatabase(), NODE_ENV: 'production' };
  await step('has the route guarded, signs in and revokes', () => run(directory, environment, checkGuarded));
  const tookMs = performance.now() - begunAt;
  await step(`in ${Math.round(tookMs / 1_000)} s of machine time`, () => assert.ok(tookMs < PROMISED_MS));
}

async function makeApplication(parent, directory) {
  await mkdir(parent);
  const made = ['new', 'application', '--skip-git', '--skip-install', '--package-manager', 'npm'];
  await node([NEST, ...made], { cwd: parent });
  await npm(['install', ...QUIET], { cwd: directory });
  await build(directory);
}

function build(directory) {
  return npm(['run', 'build'], { cwd: directory });
}

/** The README's line, with the packed library in place of the published one. */
async function installAsTold(readme, directory, tarball) {
  const [, packages] = /^npm install (nestjs-identity-session .*)$/m.exec(readme) ?? [];
  assert.ok(packages, 'The README says nowhere how to install the library.');
  const names = packages.split(' ').map((name) => (name === 'nestjs-identity-session' ? tarball : name));
  await npm(['install', ...QUIET, ...names], { cwd: directory });
}

/** Writes the example's files, keeps what the application had, and does what the README says of `main.ts`. */
async function applyExample(readme, directory) {
  const source = join(directory, 'src');
  const [, example] = /<!-- example -->\s+```ts\n([^]*?)```/.exec(readme) ?? [];
  assert.ok(example, 'The README has no example.');
  const files = example.split(/^(?=\/\/ [\w.]+\.ts$)/m).map((text) => [/^\/\/ (\S+)/.exec(text)[1], text]);
  assert.deepEqual(
    files.map(([name]) => name),
    ['app.module.ts', 'auth.controller.ts'],
  );
  for (const [name, text] of files) await writeFile(join(source, name), text);
  await edit(join(source, 'app.module.ts'), [
    ['controllers: [AuthController],', 'controllers: [AppController, AuthController],\n  providers: [AppService],'],
    [
      'import',
      "import { AppController } from './app.controller.js';\nimport { AppService } from './app.service.js';\nimport",
    ],
  ]);
  // "Your application's own": its users.
  await copyFile(join(ROOT, 'examples/quick-start/src/users.ts'), join(source, 'users.ts'));
  assert.ok(readme.includes('Call `app.enableShutdownHooks()` in `main.ts`'), 'The README says nothing of main.ts.');
  await edit(join(source, 'main.ts'), [['  await app.listen', '  app.enableShutdownHooks();\n  await app.listen']]);
}

async function edit(path, replacements) {
  let text = await readFile(path, 'utf8');
  for (const [before, after] of replacements) {
    assert.ok(text.includes(before), `${path} has no "${before}".`);
    text = text.replace(before, after);
  }
  await writeFile(path, text);
}

/** Starts the application as its package.json says, and stops it when `use` is done. */
async function run(directory, environment, use) {
  const port = await freePort();
  const env = { ...process.env, ...environment, PORT: String(port) };
  const application = start(nodePath(), ['dist/main'], { cwd: directory, env });
  const client = clientOf(`http://127.0.0.1:${port}`);
  await untilListening(application, client);
  await use(client);
  await stopApplication(application);
}

async function untilListening({ child, output }, client) {
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const answer = await client('GET', '/').catch(() => undefined);
    if (answer !== undefined) return;
    const isOver = child.exitCode !== null || performance.now() > deadline;
    assert.ok(!isOver, `The application does not listen.\n${output.stdout}${output.stderr}`);
    await sleep(50);
  }
}

async function checkOpen(client) {
  assert.deepEqual((await client('GET', '/')).body, 'Hello World!');
}

async function checkGuarded(client) {
  assertProblem(await client('GET', '/'), 401, 'SESSION_MISSING');
  const ada = await signIn(client, { user: 'ada', password: 'correct horse' });
  assert.deepEqual((await client('GET', '/', ada)).body, 'Hello World!');
  assert.deepEqual((await client('GET', '/me', ada)).body, { userId: 'ada' });
  const root = await signIn(client, { user: 'root', password: 'battery staple' });
  assert.equal((await client('DELETE', `/admin/sessions/${ada.sessionId}`, root)).status, 204);
  assertProblem(await client('GET', '/', ada), 401, 'SESSION_REVOKED');
  assert.equal((await client('POST', '/sign-out', root)).status, 204);
  assertProblem(await client('GET', '/', root), 401, 'SESSION_SIGNED_OUT');
}

async function signIn(client, body) {
  const answer = await client('POST', '/sign-in', { body });
  assert.equal(answer.status, 201);
  return { cookie: sessionCookieOf(answer), sessionId: answer.body.sessionId };
}
