import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionAdminService } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { IN_FULL } from '../support/in-full.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, presenting, send, signedIn } from './support/client.js';
import { expectProblem, expectRefused } from './support/expectations.js';
import { sql } from './support/rows.js';
import { DEAF, eventually, followsLog, MovableClocks, MUTE } from './support/time.js';
import { Stopwatch } from '../support/stopwatch.js';

const REASON = { reason: 'incident_42' };
const ROWS = IN_FULL ? 200_000 : 50_000;

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
  });
  afterAll(() => node.close());

  const asAdmin = async (): Promise<Client> => (admin = await signedIn(node, { userId: 'admin' }));

  it('[row 28] POST /admin/cut-offs ends a user, a tenant or everybody from the answer on', async () => {
    const people = [
      { userId: 'ann', tenantId: 'red' },
      { userId: 'ann', tenantId: 'blue' },
      { userId: 'bob', tenantId: 'red' },
      { userId: 'bob' },
    ];
    const cases: [object, boolean[]][] = [
      [{ userId: 'ann' }, [true, true, false, false]],
      [{ tenantId: 'red' }, [true, false, true, false]],
      [{ tenantId: 'red', userId: 'ann' }, [true, false, false, false]],
      [{}, [true, true, true, true]],
    ];
    for (const [asked, expected] of cases) {
      await asAdmin();
      const clients: Client[] = [];
      for (const one of people) clients.push(await signedIn(node, { ...one, transport: 'bearer' }));
      for (const client of clients) expect(await client.alive()).toBe(200);
      const answer = await admin.post('/admin/cut-offs', { ...asked, ...REASON });
      expect(answer.status).toBe(201);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.body).toEqual({ userId: null, tenantId: null, ...asked, ...REASON, notBefore: expect.any(String) });
      expect(new Date(answer.body['notBefore'] as string).toISOString()).toBe(answer.body['notBefore']);
      const ended = await Promise.all(clients.map(async (client) => (await client.alive()) === 401));
      expect(ended).toEqual(expected);
      for (const client of clients.filter((_, n) => expected[n])) expectProblem(await client.me(), 'SESSION_REVOKED');
    }
  });

  it('the one who signs in again is in, and whoever lacks the secret is told nothing', async () => {
    await asAdmin();
    const user = await signedIn(node, { userId: 'comes-back', transport: 'bearer' });
    expect((await admin.post('/admin/cut-offs', { userId: 'comes-back', ...REASON })).status).toBe(201);
    const forged = user.token.slice(0, -4) + (user.token.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    expectProblem(await presenting(node, forged).me(), 'SESSION_INVALID');
    expect(await (await signedIn(node, { userId: 'comes-back' })).alive()).toBe(200);
    expectProblem(await user.me(), 'SESSION_REVOKED');
    const { body } = await admin.get(`/admin/sessions/${user.sessionId}`);
    expect(body).toMatchObject({ status: 'revoked', endReason: REASON.reason, endedBy: 'admin' });
  });

  it('[row 44] a tenant’s administrator cuts off inside the tenant only', async () => {
    const tenantAdmin = await signedIn(node, { userId: 'admin@green', tenantId: 'green' });
    const foreign = await signedIn(node, { userId: 'ann', tenantId: 'red' });
    const homeless = await signedIn(node, { userId: 'ann' });
    const own = await signedIn(node, { userId: 'ann', tenantId: 'green' });
    expectProblem(await tenantAdmin.post('/admin/cut-offs', { tenantId: 'red', ...REASON }), 'FORBIDDEN');
    const ofUser = await tenantAdmin.post('/admin/cut-offs', { userId: 'ann', ...REASON });
    expect(ofUser.body).toMatchObject({ userId: 'ann', tenantId: 'green' });
    expect(await Promise.all([own, foreign, homeless].map((one) => one.alive()))).toEqual([401, 200, 200]);
    const other = await signedIn(node, { userId: 'bob', tenantId: 'green' });
    const ofTenant = await tenantAdmin.post('/admin/cut-offs', REASON);
    expect(ofTenant.body).toMatchObject({ userId: null, tenantId: 'green' });
    expect(await Promise.all([other, foreign, homeless].map((one) => one.alive()))).toEqual([401, 200, 200]);
  });

  it('[row 46] what is not a cut-off is refused and changes nothing', async () => {
    await asAdmin();
    const user = await signedIn(node, { userId: 'plain' });
    const made = () => sql(node, 'SELECT xmin::text, c.* FROM identity_session_cut_off c ORDER BY c.scope');
    const before = await made();
    const bodies: unknown[] = [
      {},
      { reason: '' },
      { reason: 'x'.repeat(201) },
      { reason: 7 },
      { ...REASON, userId: '' },
      { ...REASON, userId: null },
      { ...REASON, tenantId: null },
      { ...REASON, tenantId: '' },
      { ...REASON, userId: 'a\0' },
      { ...REASON, userId: ['a'] },
      { ...REASON, notBefore: '2030-01-01T00:00:00Z' },
      { ...REASON, scope: {} },
      { ...REASON, by: 'somebody' },
      '[]',
      '"x"',
      'null',
    ];
    for (const body of bodies) expectRefused(await admin.request('POST', '/admin/cut-offs', { body }));
    expectRefused(await admin.post('/admin/cut-offs?userId=plain', REASON));
    expectProblem(await user.post('/admin/cut-offs', REASON), 'FORBIDDEN');
    expect((await send(node.url, 'POST', '/admin/cut-offs', { body: REASON })).status).toBe(401);
    expect(await made()).toEqual(before);
    expect(await user.alive()).toBe(200);
  });
});

describe('two nodes', () => {
  const clocks = new MovableClocks();
  let node: TestApp;
  let told: TestApp;
  let deaf: TestApp;

  beforeAll(async () => {
    node = await startTestApp({ options: { tailIntervalMs: 300 } });
    told = await startTestApp({ joins: node, options: { tailIntervalMs: 60_000, maxStalenessMs: 120_000 } });
    deaf = await startTestApp({ joins: node, options: { ...MUTE, ...DEAF, clocks, maxStalenessMs: 5_000 } });
    await Promise.all([node, told, deaf].map(followsLog));
  });
  afterAll(async () => {
    await deaf.close();
    await told.close();
    await node.close();
  });

  const cutOffAt = (at: TestApp, userId: string) => at.app.get(SessionAdminService).cutOff({ userId, ...REASON });

  it('[row 25] with hints the other refuses a session that it knows, without being asked to look', async () => {
    const user = await signedIn(node, { userId: 'hinted' });
    expect(await user.at(told).alive()).toBe(200);
    await cutOffAt(node, 'hinted');
    expect(await user.alive()).toBe(401);
    await eventually(async () => (await user.at(told).alive()) === 401);
  });

  it('[row 25] without hints the other refuses it once it has read the log by itself', async () => {
    const user = await signedIn(node, { userId: 'unhinted' });
    expect(await user.alive()).toBe(200);
    await cutOffAt(deaf, 'unhinted');
    expect(await user.at(deaf).alive()).toBe(401);
    const watch = new Stopwatch();
    await eventually(async () => (await user.alive()) === 401);
    expect(watch.stop()).toBeLessThan(3_000);
  });

  it('[row 25] while the lease is out, the database decides', async () => {
    const user = await signedIn(node, { userId: 'lapsed', transport: 'bearer' });
    expect(await user.at(deaf).alive()).toBe(200);
    await sql(
      node,
      `INSERT INTO identity_session_cut_off (user_id, not_before, reason) VALUES ('lapsed', clock_timestamp(), 'by hand')`,
    );
    expect(await user.at(deaf).alive()).toBe(200);
    clocks.advance(5_000);
    expectProblem(await user.at(deaf).me(), 'SESSION_REVOKED');
  });

  it('[row 32] a node that starts afterwards knows it', async () => {
    const user = await signedIn(node, { userId: 'restarted', transport: 'bearer' });
    await cutOffAt(node, 'restarted');
    const fresh = await startTestApp({ joins: node });
    await followsLog(fresh);
    expectProblem(await user.at(fresh).me(), 'SESSION_REVOKED');
    await fresh.close();
  });
});

describe(`with ${ROWS} sessions and sign-ins in flight`, () => {
  let node: TestApp;
  let other: TestApp;

  beforeAll(async () => {
    node = await startTestApp();
    other = await startTestApp({ joins: node });
    await followsLog(other);
    await sql(
      node,
      `INSERT INTO identity_session (id, tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
         assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
       SELECT gen_random_uuid(), 'red', 'u' || n, 'web', 'active', '{}', '', '', 'aal1', false, now(), now(), now(),
         86400000, now() + interval '1 day', now() + interval '1 day' FROM generate_series(1, ${ROWS}) n`,
    );
  }, 120_000);
  afterAll(async () => {
    await other.close();
    await node.close();
  });

  it.each([{ tenantId: 'red' }, {}])(
    '[row 28] %j ends in bounded time, and nobody who was signed in before is admitted afterwards',
    async (scope) => {
      const before: Client[] = [];
      for (let n = 0; n < 10; n += 1) {
        const client = await signedIn([node, other][n % 2]!, {
          userId: `early-${n}`,
          tenantId: 'red',
          transport: 'bearer',
        });
        expect(await client.alive()).toBe(200);
        before.push(client);
      }
      let isOver = false;
      const flights = Array.from({ length: 4 }, async (_, n) => {
        while (!isOver) await signedIn([node, other][n % 2]!, { userId: `flight-${n}`, tenantId: 'red' });
      });
      const watch = new Stopwatch();
      await node.app.get(SessionAdminService).cutOff({ ...scope, ...REASON });
      const took = watch.stop();
      for (const client of before) expect(await client.at(node).alive()).toBe(401);
      const after = await signedIn(node, { userId: 'late', tenantId: 'red' });
      await eventually(async () => (await before[0]!.at(other).alive()) === 401);
      for (const client of before) expect(await client.at(other).alive()).toBe(401);
      isOver = true;
      await Promise.all(flights);
      expect(await after.alive()).toBe(200);
      expect(await after.at(other).alive()).toBe(200);
      expect(took).toBeLessThan(2_000);
      const live = await node.app.get(SessionAdminService).count({ tenantId: 'red', status: 'live' });
      expect(live).toBeLessThan(ROWS / 2);
    },
    120_000,
  );
});
