import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { policyPreset, type PolicyResolver, SessionService } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { Client, signedIn, type SignInRequest } from './support/client.js';
import { ElevateController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { setRow, sql } from './support/rows.js';

const LIMIT_OF_TWO = [{ scope: 'subject', limit: 2, whenFull: 'evict-oldest' }] as const;

/** The policy goes by the beginning of the user's id, so that the tests share an application. */
const policy: PolicyResolver = ({ userId, clientId }) => {
  if (userId.startsWith('two')) return LIMIT_OF_TWO;
  if (userId.startsWith('reject-2nd') || clientId === 'one-at-a-time') return policyPreset('RejectNew', 1);
  if (userId.startsWith('reject-3rd')) return policyPreset('RejectNew', 2);
  return [];
};

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;

  beforeAll(async () => {
    node = await startTestApp({ adapter, options: { policy }, controllers: [ElevateController] });
  });
  afterAll(() => node.close());

  const live = async (userId: string): Promise<string[]> => {
    const rows = await sql<{ id: string }>(
      node,
      `SELECT id FROM identity_session WHERE user_id = $1 AND status = 'active' ORDER BY created_at, sequence`,
      [userId],
    );
    return rows.map(({ id }) => id);
  };

  it('[row 36] evict-oldest ends exactly the oldest, never the newcomer, and says which', async () => {
    const clients: Client[] = [];
    for (let count = 0; count < 5; count++) {
      const client = new Client(node.url);
      const { body } = await client.signIn({ userId: 'two-in-turn' });
      expect(body.evicted).toEqual(count < 2 ? [] : [clients[count - 2]?.sessionId]);
      clients.push(client);
    }
    const statuses = await Promise.all(clients.map((client) => client.alive()));
    expect(statuses).toEqual([401, 401, 401, 200, 200]);
    expectProblem(await clients[2]!.me(), 'SESSION_EVICTED');
  });

  it('[row 36] the oldest is the one that signed in first, not the one that was used least', async () => {
    const first = await signedIn(node, { userId: 'two-used' });
    const second = await signedIn(node, { userId: 'two-used' });
    for (let count = 0; count < 3; count++) await first.me();
    await signedIn(node, { userId: 'two-used' });
    expect([await first.alive(), await second.alive()]).toEqual([401, 200]);
  });

  it('[row 36] of sign-ins all at once the limit lives, and what each was told of evictions adds up', async () => {
    const clients = Array.from({ length: 30 }, () => new Client(node.url));
    const answers = await Promise.all(clients.map((client) => client.signIn({ userId: 'two-at-once' })));
    const evicted = answers.flatMap(({ body }) => body.evicted);
    expect(new Set(evicted).size).toBe(28);
    const alive = await live('two-at-once');
    expect(alive).toHaveLength(2);
    expect([...evicted, ...alive].toSorted()).toEqual(clients.map(({ sessionId }) => sessionId).toSorted());
    for (const client of clients) expect(await client.alive()).toBe(alive.includes(client.sessionId) ? 200 : 401);
  });

  it('[row 37] reject turns the newcomer away with 409, no cookie and no row, and the others live', async () => {
    const clients = [await signedIn(node, { userId: 'reject-3rd' }), await signedIn(node, { userId: 'reject-3rd' })];
    const answer = await new Client(node.url).signIn({ userId: 'reject-3rd' });
    expectProblem(answer, 'SESSION_LIMIT_REACHED');
    expect(answer.setCookies).toEqual([]);
    expect(await Promise.all(clients.map((client) => client.alive()))).toEqual([200, 200]);
    expect(await sql(node, `SELECT id FROM identity_session WHERE user_id = 'reject-3rd'`)).toHaveLength(2);
  });

  it.each(['signed out', 'revoked', 'past its absolute limit', 'past its idle limit'])(
    '[row 37] a session that is %s does not count',
    async (how) => {
      const userId = `reject-2nd ${how}`;
      const user = await signedIn(node, { userId });
      expectProblem(await new Client(node.url).signIn({ userId }), 'SESSION_LIMIT_REACHED');
      if (how === 'signed out') await user.del('/sign-out');
      if (how === 'revoked') await (await signedIn(node, { userId: 'admin' })).del(`/admin/sessions/${user.sessionId}`);
      if (how === 'past its absolute limit') await setRow(node, user.sessionId, 'expires_at = clock_timestamp()');
      if (how === 'past its idle limit') {
        await setRow(node, user.sessionId, `last_accessed_at = clock_timestamp() - interval '2 days'`);
      }
      expect((await new Client(node.url).signIn({ userId })).status).toBe(201);
      expect(await live(userId)).toHaveLength(1);
    },
  );

  it('[row 6] a rejected sign-in leaves the session alive that the client presents', async () => {
    await signedIn(node, { userId: 'reject-2nd-full' });
    const browser = await signedIn(node, { userId: 'somebody' });
    const { token } = browser;
    const answer = await browser.signIn({ userId: 'reject-2nd-full' });
    expectProblem(answer, 'SESSION_LIMIT_REACHED');
    expect(answer.setCookies).toEqual([]);
    expect(browser.token).toBe(token);
    expect((await browser.me()).body.userId).toBe('somebody');
  });

  it('[row 38] authenticating again takes no slot, and signing in over a session takes over its own', async () => {
    const other = await signedIn(node, { userId: 'reject-3rd-again' });
    const user = await signedIn(node, { userId: 'reject-3rd-again' });
    for (let count = 0; count < 3; count++) {
      expect((await user.post('/elevate', { assurance: 'aal2' })).status).toBe(201);
      expect(await live('reject-3rd-again')).toHaveLength(2);
    }
    expect((await user.signIn({ userId: 'reject-3rd-again' })).status).toBe(201);
    expect(await live('reject-3rd-again')).toEqual([other.sessionId, user.sessionId]);
    expect(await other.alive()).toBe(200);
  });

  it('[row 39] every way to a session passes the policy: cookie, bearer, device, client, without request, in a transaction', async () => {
    const userId = 'reject-2nd-everywhere';
    await signedIn(node, { userId });
    const variants: Omit<SignInRequest, 'userId'>[] = [
      { transport: 'cookie' },
      { transport: 'bearer' },
      { rememberMe: true },
      { deviceType: 'mobile', deviceId: 'another', clientId: 'another' },
      { assurance: 'aal3', roles: ['admin'] },
      { answer: { ticket: 'invented', end: [] } },
    ];
    for (const more of variants) {
      expectProblem(await new Client(node.url).signIn({ userId, ...more }), 'SESSION_LIMIT_REACHED');
    }
    const service = node.app.get(SessionService);
    const full = { code: 'SESSION_LIMIT_REACHED' };
    await expect(service.signIn({ userId })).rejects.toMatchObject(full);
    await node.app.get(DataSource).transaction(async (manager) => {
      await expect(service.signIn({ userId }, { manager })).rejects.toMatchObject(full);
    });
    expect(await live(userId)).toHaveLength(1);
  });

  it.each([
    {
      what: 'per tenant, and having none is like a tenant of its own',
      subjects: [
        { userId: 'u', tenantId: 'a' },
        { userId: 'u', tenantId: 'b' },
        { userId: 'u', tenantId: null },
      ],
    },
    {
      what: 'of no concatenation of tenant and user',
      subjects: [
        { userId: 'A:1', tenantId: null },
        { userId: '1', tenantId: 'A' },
        { userId: ':1', tenantId: 'A' },
        { userId: '1', tenantId: 'A:' },
      ],
    },
  ])('[row 40] limits are $what', async ({ subjects }) => {
    const clients: Client[] = [];
    for (const subject of subjects) {
      clients.push(await signedIn(node, { ...subject, clientId: 'one-at-a-time' }));
    }
    for (const subject of subjects) {
      const answer = await new Client(node.url).signIn({ ...subject, clientId: 'one-at-a-time' });
      expectProblem(answer, 'SESSION_LIMIT_REACHED');
    }
    for (const client of clients) expect(await client.alive()).toBe(200);
  });

  it('[row 41] a lowered limit ends the oldest with the next sign-in, and nobody before', async () => {
    const userId = 'lowered';
    const clients: Client[] = [];
    for (let count = 0; count < 5; count++) clients.push(await signedIn(node, { userId }));
    const strict = await startTestApp({ adapter, joins: node, options: { policy: LIMIT_OF_TWO } });
    try {
      for (const client of clients) expect(await client.at(strict).alive()).toBe(200);
      const newcomer = new Client(strict.url);
      const { body } = await newcomer.signIn({ userId });
      expect(body.evicted).toEqual(clients.slice(0, 4).map(({ sessionId }) => sessionId));
      expect(await live(userId)).toEqual([clients[4]?.sessionId, newcomer.sessionId]);
      for (const client of clients.slice(0, 4)) expectProblem(await client.at(strict).me(), 'SESSION_EVICTED');
    } finally {
      await strict.close();
    }
  });
});
