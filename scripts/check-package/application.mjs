import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from './database-server.mjs';
import { start } from './processes.mjs';

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;

const ADA = { user: 'ada', password: 'correct horse' };
const ROOT = { user: 'root', password: 'battery staple' };

/** Starts the compiled application on a database of its own, uses it as its clients would, and stops it. */
export async function checkApplication(step, target, way, databaseUrl) {
  const application = await step('starts, on an empty database', () => startApplication(target, way, databaseUrl));
  const client = clientOf(application.url);
  const ada = await step('signs in, with a cookie', () => signIn(client, ADA));
  const root = await step('signs in somebody else, and nobody by a wrong password', async () => {
    assert.equal((await client('POST', '/sign-in', { body: { ...ROOT, password: 'wrong' } })).status, 401);
    return signIn(client, ROOT);
  });
  await step('guards its routes', () => checkGuard(client, ada));
  await step('mounts the module’s routes', () => checkRoutes(client, ada));
  await step('revokes as administrator, at once', () => checkRevocation(client, ada, root));
  await step('signs out', () => checkSignOut(client));
  await step('stops on SIGTERM, last accesses written', () => checkStop(application, client, root, databaseUrl));
}

/** Resolves once the application says where it listens. */
async function startApplication({ directory }, { nodeOptions }, databaseUrl) {
  const env = { ...process.env, DATABASE_URL: databaseUrl, PORT: '0', NODE_ENV: 'production' };
  const application = start(process.execPath, [...nodeOptions, 'dist/main.js'], { cwd: directory, env });
  const { child, output, ended } = application;
  const url = await new Promise((resolve, reject) => {
    const fail = (what) => reject(new Error(`The application ${what}.\n${output.stdout}${output.stderr}`));
    const timer = setTimeout(fail, START_LIMIT_MS, `does not listen after ${START_LIMIT_MS} ms`);
    void ended
      .then(({ code, signal }) => fail(`has ended: ${signal ?? code}`), reject)
      .finally(() => clearTimeout(timer));
    child.stdout.on('data', () => {
      const found = /^Listening on (\S+)$/m.exec(output.stdout)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
  return { ...application, url };
}

/** One request; gives status, headers and the body, parsed where it is JSON. */
function clientOf(url) {
  return async (method, path, { cookie, body } = {}) => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(cookie === undefined ? {} : { cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(STOP_LIMIT_MS),
    });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
}

async function signIn(client, credentials) {
  const { status, headers, body } = await client('POST', '/sign-in', { body: credentials });
  assert.equal(status, 201);
  assert.equal(headers.get('cache-control'), 'no-store');
  const cookies = headers.getSetCookie();
  assert.equal(cookies.length, 1);
  const [pair, ...attributes] = cookies[0].split('; ');
  assert.match(pair, /^__Host-session=ids_[\w.-]{40,}$/);
  assert.deepEqual(attributes.sort(), ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
  return { cookie: pair, userId: credentials.user, sessionId: body.sessionId };
}

async function checkGuard(client, { cookie, userId }) {
  const admitted = await client('GET', '/me', { cookie });
  assert.deepEqual([admitted.status, admitted.body], [200, { userId }]);
  assertProblem(await client('GET', '/me'), 401, 'SESSION_MISSING');
  assertProblem(await client('GET', '/me', { cookie: forged(cookie) }), 401, 'SESSION_INVALID');
}

async function checkRoutes(client, { cookie, sessionId }) {
  const current = await client('GET', '/sessions/current', { cookie });
  assert.deepEqual([current.status, current.body.id, current.body.current], [200, sessionId, true]);
  const named = await client('PATCH', `/sessions/${sessionId}`, { cookie, body: { deviceName: 'My machine' } });
  assert.deepEqual([named.status, named.body.deviceName], [200, 'My machine']);
  const own = await client('GET', '/sessions', { cookie });
  assert.deepEqual([own.status, own.body.items.map((session) => session.id)], [200, [sessionId]]);
  assertProblem(await client('GET', '/sessions'), 401, 'SESSION_MISSING');
  assertProblem(await client('PUT', '/sessions', { cookie, body: {} }), 405, 'METHOD_NOT_ALLOWED');
  assertProblem(await client('PUT', `/sessions/${sessionId}`, { cookie, body: {} }), 405, 'METHOD_NOT_ALLOWED');
  assertProblem(await client('PATCH', `/sessions/${sessionId}`, { cookie, body: { x: 1 } }), 400, 'VALIDATION_FAILED');
}

async function checkRevocation(client, ada, root) {
  const path = `/admin/users/${ada.userId}/sessions`;
  assertProblem(await client('DELETE', path, { cookie: ada.cookie }), 403, 'FORBIDDEN');
  const listed = await client('GET', path, { cookie: root.cookie });
  assert.deepEqual([listed.status, listed.body.items.map((session) => session.id)], [200, [ada.sessionId]]);
  const revoked = await client('DELETE', path, { cookie: root.cookie });
  assert.deepEqual([revoked.status, revoked.body], [200, { revoked: 1 }]);
  assertProblem(await client('GET', '/me', { cookie: ada.cookie }), 401, 'SESSION_REVOKED');
  assert.equal((await client('GET', '/me', { cookie: root.cookie })).status, 200);
}

async function checkSignOut(client) {
  const { cookie } = await signIn(client, ADA);
  const { status, headers } = await client('POST', '/sign-out', { cookie });
  assert.equal(status, 204);
  assert.match(headers.getSetCookie().join(), /^__Host-session=; Path=\/;.*; Max-Age=0/);
  assertProblem(await client('GET', '/me', { cookie }), 401, 'SESSION_SIGNED_OUT');
}

async function checkStop({ child, output, ended }, client, { cookie, sessionId }, databaseUrl) {
  const lastAccess = async () => {
    const sql = 'SELECT last_accessed_at AS at FROM identity_session WHERE id = $1::uuid';
    return (await query(databaseUrl, sql, [sessionId]))[0].at;
  };
  const before = await lastAccess();
  while (Date.now() <= before.getTime()) await sleep(1);
  assert.equal((await client('GET', '/me', { cookie })).status, 200);
  assert.deepEqual(
    await lastAccess(),
    before,
    'The access was written at once, so its writing at the stop shows nothing.',
  );
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  const { code, signal } = await ended;
  clearTimeout(timer);
  // Nest ends itself by the same signal once everything is closed.
  assert.ok(code === 0 || signal === 'SIGTERM', `It ended by ${signal ?? code}, ${STOP_LIMIT_MS} ms after SIGTERM.`);
  assert.equal(output.stderr, '', 'It wrote to stderr.');
  assert.ok((await lastAccess()) > before, 'The last access was lost.');
}

/** The same session id with another secret. */
function forged(cookie) {
  return `${cookie.slice(0, -4)}${cookie.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
}

/** RFC 9457, as the module's error filter writes it. */
function assertProblem({ status, headers, body }, expectedStatus, expectedCode) {
  assert.deepEqual([status, body.status, body.code], [expectedStatus, expectedStatus, expectedCode]);
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json\b/);
  for (const field of ['type', 'title', 'detail']) assert.equal(typeof body[field], 'string', field);
}
