import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertProblem, clientOf, sessionCookieOf } from './client.mjs';
import { query } from './database-server.mjs';
import { startApplication, stopApplication } from './running.mjs';

const ADA = { user: 'ada', password: 'correct horse' };
const ROOT = { user: 'root', password: 'battery staple' };

/** Starts the compiled application on a database of its own, uses it as its clients would, and stops it. */
export async function checkApplication(step, target, way, databaseUrl) {
  const application = await step('starts, on an empty database', () =>
    startApplication(target.directory, { nodeOptions: way.nodeOptions, DATABASE_URL: databaseUrl }),
  );
  const client = clientOf(application.url);
  const ada = await step('signs in, with a cookie', () => signIn(client, ADA));
  const root = await step('signs in somebody else, and nobody by a wrong password', async () => {
    assert.equal((await client('POST', '/sign-in', { body: { ...ROOT, password: 'wrong' } })).status, 401);
    return signIn(client, ROOT);
  });
  await step('signs nobody in for a page of another site', async () => {
    const origin = 'https://elsewhere.example';
    assertProblem(await client('POST', '/sign-in', { body: ADA, origin }), 403, 'CROSS_SITE');
  });
  await step('guards its routes', () => checkGuard(client, ada));
  await step('mounts the module’s routes', () => checkRoutes(client, ada));
  await step('revokes as administrator, at once', () => checkRevocation(client, ada, root));
  await step('signs out', () => checkSignOut(client));
  await step('stops on SIGTERM, last accesses written', () => checkStop(application, client, root, databaseUrl));
}

async function signIn(client, credentials) {
  const { status, headers, body } = await client('POST', '/sign-in', { body: credentials });
  assert.equal(status, 201);
  assert.equal(headers.get('cache-control'), 'no-store');
  return { cookie: sessionCookieOf({ headers }), userId: credentials.user, sessionId: body.sessionId };
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

async function checkStop(application, client, { cookie, sessionId }, databaseUrl) {
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
  await stopApplication(application);
  assert.ok((await lastAccess()) > before, 'The last access was lost.');
}

/** The same session id with another secret. */
function forged(cookie) {
  return `${cookie.slice(0, -4)}${cookie.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
}
