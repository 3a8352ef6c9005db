import { randomUUID } from 'node:crypto';
import type { LoggerService } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ConcurrentLoginStrategyService,
  type SessionEvent,
  SessionEvents,
  SessionService,
  type SettingsView,
} from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Answer, Client, signedIn } from '../security/support/client.js';
import { expectProblem } from '../security/support/expectations.js';
import { sql } from '../security/support/rows.js';
import { eventually } from '../security/support/time.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

describe('settings at run time on two nodes', () => {
  const warnings: string[] = [];
  const events: SessionEvent[] = [];
  let a: TestApp;
  let b: TestApp;
  let admin: Client;
  let tenantId: string;
  let tenantAdmin: Client;

  beforeAll(async () => {
    // Without hints and with a slow tail: what holds must not wait for the log.
    const options = {
      policy: [{ scope: 'subject', limit: 5, whenFull: 'evict-oldest' }] as const,
      lifetimes: { idleTimeoutMs: 2 * HOUR_MS, absoluteLifetimeMs: 10 * HOUR_MS },
      hints: 'off',
      tailIntervalMs: 250,
    } as const;
    const ignore = () => undefined;
    const logger: LoggerService = {
      log: ignore,
      error: ignore,
      warn: (text: unknown) => {
        warnings.push(String(text));
      },
    };
    a = await startTestApp({ options });
    b = await startTestApp({
      adapter: 'fastify',
      joins: a,
      options,
      logger,
      configure: (app) =>
        app.get(SessionEvents).subscribe((event) => {
          events.push(event);
        }),
    });
    admin = await signedIn(a, { userId: 'admin', transport: 'bearer' });
  });

  afterAll(async () => {
    await b.close();
    await a.close();
  });

  afterEach(async () => {
    const { version, stored } = (await get(admin)).body as unknown as SettingsView;
    if (stored !== null) await admin.del(`/admin/settings?version=${version}&reason=test`);
  });

  const freshTenant = async (): Promise<string> => {
    tenantId = `tenant-${randomUUID()}`;
    tenantAdmin = await signedIn(a, { userId: `admin@${tenantId}`, transport: 'bearer' });
    return tenantId;
  };

  const get = (client: Client, query = ''): Promise<Answer> => client.get(`/admin/settings${query}`);

  const put = (client: Client, version: number, settings: unknown, more: object = {}): Promise<Answer> =>
    client.request('PUT', '/admin/settings', { body: { version, settings, reason: 'test', ...more } });

  /** The version of what is stored for everybody. */
  const version = async (): Promise<number> => ((await get(admin)).body as unknown as SettingsView).version;

  /** Changes what holds for everybody. */
  const putForAll = async (settings: unknown): Promise<Answer> => put(admin, await version(), settings);

  const signInTimes = async (node: TestApp, count: number, userId: string, tenant?: string): Promise<string[]> => {
    const ids: string[] = [];
    for (let n = 0; n < count; n += 1) {
      const { session } = await node.app.get(SessionService).signIn({ userId, tenantId: tenant });
      ids.push(session.id);
    }
    return ids;
  };

  const signIn = (node: TestApp, userId: string, tenant?: string) =>
    node.app.get(SessionService).signIn({ userId, tenantId: tenant });

  it('tell what is stored and what it comes to, with exactly the documented keys', async () => {
    const { status, body } = await get(admin);
    expect(status).toBe(200);
    const limits = { idleTimeoutMs: 2 * HOUR_MS, absoluteLifetimeMs: 10 * HOUR_MS };
    const remembered = { idleTimeoutMs: 10 * HOUR_MS, absoluteLifetimeMs: 10 * HOUR_MS };
    expect(body).toEqual({
      tenantId: null,
      version: 0,
      stored: null,
      usable: true,
      keptBy: null,
      changedAt: null,
      changedBy: null,
      reason: null,
      effective: {
        strategy: [{ scope: 'subject', limit: 5, whenFull: 'evict-oldest', hasExemptions: false }],
        lifetimes: { ...limits, rememberMe: remembered, clients: {} },
      },
      warnings: [],
    });
    const settings = { strategy: 'RejectNew', limit: 3, lifetimes: { clients: { cli: { idleTimeoutMs: HOUR_MS } } } };
    const changed = await put(admin, 0, settings);
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({
      ...body,
      version: 1,
      stored: settings,
      keptBy: 'all',
      changedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      changedBy: 'admin',
      reason: 'test',
      effective: {
        strategy: [{ scope: 'subject', limit: 3, whenFull: 'reject', hasExemptions: false }],
        lifetimes: {
          ...limits,
          rememberMe: remembered,
          clients: {
            cli: {
              idleTimeoutMs: HOUR_MS,
              absoluteLifetimeMs: 10 * HOUR_MS,
              rememberMe: { idleTimeoutMs: HOUR_MS, absoluteLifetimeMs: 10 * HOUR_MS },
            },
          },
        },
      },
    });
    expect((await get(admin.at(b))).body).toEqual(changed.body);
  });

  it('[row 41] that one node has answered decide about the next sign-in on the other, and end nobody before', async () => {
    const userId = randomUUID();
    const five = await signInTimes(b, 5, userId);
    for (const limit of [4, 2, 3]) {
      const rules = [{ scope: 'subject', limit, whenFull: 'evict-oldest' }];
      expect((await putForAll({ strategy: rules })).status).toBe(200);
      const { evicted } = await signIn(b, userId);
      expect({ limit, evicted: evicted.length }).toEqual({ limit, evicted: { 4: 2, 2: 3, 3: 0 }[limit] });
      if (limit === 4) expect(evicted).toEqual(five.slice(0, 2));
    }
    expect((await putForAll({ strategy: 'RejectNew', limit: 2 })).status).toBe(200);
    await expect(signIn(b, userId)).rejects.toMatchObject({ code: 'SESSION_LIMIT_REACHED' });
    const { outcome } = await b.app
      .get(ConcurrentLoginStrategyService)
      .simulate({ userId, tenantId: null, clientId: null, deviceType: 'web', deviceId: null, roles: [] });
    expect(outcome).toBe('reject');
    expect((await admin.del(`/admin/settings?version=${await version()}&reason=enough`)).status).toBe(200);
    expect((await signIn(b, userId)).evicted).toEqual([]);
  });

  it('of lifetimes are those of sessions that begin from then on; those that live keep theirs', async () => {
    const userId = randomUUID();
    const before = (await signIn(b, userId)).session;
    await putForAll({ lifetimes: { idleTimeoutMs: 30 * MINUTE_MS, absoluteLifetimeMs: HOUR_MS } });
    const { session } = await signIn(b, userId);
    expect(session.idleExpiresAt.getTime() - session.createdAt.getTime()).toBe(30 * MINUTE_MS);
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(HOUR_MS);
    const kept = await b.app.get(SessionService).find(before.id);
    expect(kept?.expiresAt).toEqual(before.expiresAt);
  });

  it('[row 15] above what the level of assurance allows are stored, and told of in the answer and in the log', async () => {
    await freshTenant();
    const lifetimes = {
      absoluteLifetimeMs: 31 * DAY_MS,
      idleTimeoutMs: HOUR_MS,
      clients: { 'a\nb': { idleTimeoutMs: DAY_MS } },
    };
    const changed = await put(admin.at(b), 0, { lifetimes }, { tenantId });
    expect(changed.status).toBe(200);
    const told = changed.body['warnings'] as string[];
    expect(told[0]).toBe(
      `lifetimes.absoluteLifetimeMs is ${31 * DAY_MS}; aal1 allows ${30 * DAY_MS} (NIST SP 800-63B-4)`,
    );
    expect(told).toHaveLength(4);
    expect((await get(admin, `?tenantId=${tenantId}`)).body['warnings']).toEqual(told);
    const logged = warnings.filter((text) => text.includes(tenantId));
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain('aal1 allows');
    expect(logged[0]).not.toContain('\n');
    const lower = await put(admin.at(b), 1, { lifetimes: { absoluteLifetimeMs: 30 * DAY_MS } }, { tenantId });
    expect(lower.body['warnings']).toEqual([]);
    expect(warnings.filter((text) => text.includes(tenantId))).toHaveLength(1);
  });

  it('are those of the tenant over those of everybody, and of no other tenant', async () => {
    await freshTenant();
    await putForAll({ strategy: 'RejectNew', limit: 1, lifetimes: { absoluteLifetimeMs: 3 * HOUR_MS } });
    const { body } = await put(admin, 0, { strategy: 'RejectNew', limit: 2 }, { tenantId });
    expect(body).toMatchObject({ tenantId, version: 1, keptBy: 'all' });
    const userId = randomUUID();
    await signInTimes(b, 2, userId, tenantId);
    await expect(signIn(b, userId, tenantId)).rejects.toMatchObject({ code: 'SESSION_LIMIT_REACHED' });
    for (const other of [undefined, `${tenantId}-other`]) {
      const { session } = await signIn(b, userId, other);
      expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(3 * HOUR_MS);
      await expect(signIn(b, userId, other)).rejects.toMatchObject({ code: 'SESSION_LIMIT_REACHED' });
    }
  });

  it.each<[string, unknown, string]>([
    ['an unknown key', { limits: 3 }, 'settings.limits'],
    [
      'an unknown key of a rule',
      { strategy: [{ scope: 'subject', limit: 1, whenFull: 'reject', exempt: 1 }] },
      'settings.strategy.0.exempt',
    ],
    ['an unknown preset', { strategy: 'RejectAll' }, 'settings.strategy'],
    ['a custom scope', { strategy: [{ scope: 'office', limit: 1, whenFull: 'reject' }] }, 'settings.strategy.0.scope'],
    ['a limit of 0', { strategy: 'RejectNew', limit: 0 }, 'settings.limit'],
    ['a limit of 1.5', { strategy: 'RejectNew', limit: 1.5 }, 'settings.limit'],
    ['a limit without its strategy', { limit: 3 }, 'settings.limit'],
    ['a limit of a strategy that reads none', { strategy: 'LogoutFromAllDevices', limit: 3 }, 'settings.limit'],
    ['an empty limit', { strategy: [{ scope: 'subject', limit: {}, whenFull: 'reject' }] }, 'settings.strategy'],
    ['an idle limit below what touches need', { lifetimes: { idleTimeoutMs: 20 * MINUTE_MS } }, 'settings.lifetimes'],
    ['the same for a client', { lifetimes: { clients: { cli: { idleTimeoutMs: 1 } } } }, 'settings.lifetimes'],
    ['a negative lifetime', { lifetimes: { absoluteLifetimeMs: -1 } }, 'settings.lifetimes.absoluteLifetimeMs'],
    [
      'seconds for milliseconds, which would sign everybody out who could take it back',
      { lifetimes: { idleTimeoutMs: 3_600, absoluteLifetimeMs: 3_600 } },
      'settings.lifetimes.absoluteLifetimeMs',
    ],
    [
      'the same for "remember me"',
      { lifetimes: { rememberMe: { absoluteLifetimeMs: 1 } } },
      'settings.lifetimes.rememberMe.absoluteLifetimeMs',
    ],
    ['a lifetime as text', { lifetimes: { absoluteLifetimeMs: '1' } }, 'settings.lifetimes.absoluteLifetimeMs'],
    ['no object', [1], 'settings'],
    ['nothing', undefined, 'settings'],
    ['a NUL', { lifetimes: { clients: { 'a\0': {} } } }, 'settings'],
  ])('with %s are refused, by the field, and what was there stays', async (_what, settings, field) => {
    await putForAll({ strategy: 'RejectNew', limit: 4 });
    const before = await get(admin);
    const answer = await putForAll(settings);
    expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
    expect((answer.body['errors'] as { field: string }[]).map((error) => error.field)).toContain(field);
    expect((await get(admin)).body).toEqual(before.body);
  });

  it.each([
    ['__proto__', '{"lifetimes":{"clients":{"__proto__":{"idleTimeoutMs":1}}}}'],
    ['constructor', '{"constructor":{"strategy":"None"}}'],
  ])('with a key %s are refused', async (_key, settings) => {
    const body = `{"version":${await version()},"reason":"test","settings":${settings}}`;
    expectProblem(
      await admin.request('PUT', '/admin/settings', { body, headers: { 'content-type': 'application/json' } }),
      'VALIDATION_FAILED',
      ['errors'],
    );
  });

  it.each([
    { version: -1 },
    { version: '0' },
    { version: 2 ** 31 },
    { reason: '' },
    { reason: undefined },
    { by: 'somebody' },
    { keptBy: 'all' },
    { tenantId: null },
    { tenantId: '' },
  ])('[row 46] are refused with %j beside them', async (more) => {
    const answer = await put(admin, 0, {}, more);
    expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
  });

  it('for everybody are refused where they would not work with those of a tenant, which is named', async () => {
    await freshTenant();
    expect((await put(admin, 0, { lifetimes: { absoluteLifetimeMs: 4 * HOUR_MS } }, { tenantId })).status).toBe(200);
    const answer = await putForAll({ lifetimes: { idleTimeoutMs: MINUTE_MS, absoluteLifetimeMs: MINUTE_MS } });
    expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
    expect(JSON.stringify(answer.body['errors'])).toContain(tenantId);
    expect((await admin.del(`/admin/settings?tenantId=${tenantId}&version=1&reason=gone`)).status).toBe(200);
  });

  it('are changed by exactly one of two administrators who read the same, and the other is told', async () => {
    await freshTenant();
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((limit) =>
        put(limit % 2 === 0 ? admin : admin.at(b), 0, { strategy: 'RejectNew', limit }, { tenantId }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409, 409, 409]);
    const [lost] = answers.filter(({ status }) => status === 409);
    expectProblem(lost!, 'SETTINGS_CONFLICT', ['version']);
    expect(lost!.body).toMatchObject({ version: 1 });
    const won = answers.find(({ status }) => status === 200);
    expect((await get(admin.at(b), `?tenantId=${tenantId}`)).body).toEqual(won?.body);
  });

  it('can be taken back once, and never come back by an old version', async () => {
    await freshTenant();
    const path = `/admin/settings?tenantId=${tenantId}&reason=x&version=`;
    expectProblem(await admin.del(`${path}0`), 'SETTINGS_CONFLICT', ['version']);
    await put(admin, 0, { strategy: 'RejectNew' }, { tenantId });
    const { body } = await admin.del(`${path}1`);
    expect(body).toMatchObject({ version: 2, stored: null, keptBy: null, reason: 'x' });
    expectProblem(await admin.del(`${path}2`), 'SETTINGS_CONFLICT', ['version']);
    expectProblem(await put(admin, 1, {}, { tenantId }), 'SETTINGS_CONFLICT', ['version']);
    const history = await admin.get(`/admin/settings/history?tenantId=${tenantId}`);
    expect(history.body.items).toEqual([
      { version: 2, at: expect.any(String), by: 'admin', reason: 'x', before: { strategy: 'RejectNew' }, after: null },
      {
        version: 1,
        at: expect.any(String),
        by: 'admin',
        reason: 'test',
        before: null,
        after: { strategy: 'RejectNew' },
      },
    ]);
  });

  it('reach the listeners of every node, in order', async () => {
    await freshTenant();
    await put(admin, 0, { strategy: 'None' }, { tenantId });
    await put(admin, 1, { strategy: 'RejectNew' }, { tenantId });
    const own = () => events.filter((event) => event.type === 'settings_changed' && event.tenantId === tenantId);
    await eventually(() => own().length >= 2);
    expect(own()).toMatchObject([
      { sessionId: null, userId: null, version: 1, actor: 'admin', reason: 'test' },
      { sessionId: null, userId: null, version: 2, actor: 'admin', reason: 'test' },
    ]);
  });

  describe('[row 44] of a tenant’s own administrator', () => {
    it('are those of the tenant alone', async () => {
      await freshTenant();
      expect((await put(tenantAdmin, 0, { strategy: 'RejectNew', limit: 2 })).body).toMatchObject({
        tenantId,
        version: 1,
        keptBy: 'tenant',
      });
      expect((await get(tenantAdmin)).body).toMatchObject({ tenantId, version: 1 });
      for (const other of ['other', `${tenantId}x`]) {
        expectProblem(await get(tenantAdmin, `?tenantId=${other}`), 'FORBIDDEN');
        expectProblem(await put(tenantAdmin, 0, {}, { tenantId: other }), 'FORBIDDEN');
        expectProblem(await tenantAdmin.del(`/admin/settings?version=1&reason=x&tenantId=${other}`), 'FORBIDDEN');
        expectProblem(await tenantAdmin.get(`/admin/settings/history?tenantId=${other}`), 'FORBIDDEN');
      }
      expect(await version()).toBe(((await get(admin)).body as unknown as SettingsView).version);
      const nobody = await signedIn(a, { userId: 'nobody', transport: 'bearer' });
      expectProblem(await get(nobody), 'FORBIDDEN');
      expectProblem(await put(nobody, 0, {}), 'FORBIDDEN');
    });

    it('only tighten, also where what holds for everybody changes later', async () => {
      await freshTenant();
      const userId = randomUUID();
      for (const [settings, field] of [
        [{ strategy: 'RejectNew', limit: 6 }, 'settings.limit'],
        [{ strategy: 'None' }, 'settings.strategy'],
        [{ lifetimes: { idleTimeoutMs: 3 * HOUR_MS } }, 'settings.lifetimes.idleTimeoutMs'],
        [{ lifetimes: { clients: { cli: { absoluteLifetimeMs: 11 * HOUR_MS } } } }, 'clients.cli.absoluteLifetimeMs'],
      ] as const) {
        const answer = await put(tenantAdmin, 0, settings);
        expectProblem(answer, 'FORBIDDEN');
        expect(answer.body['detail']).toContain(field);
      }
      const lifetimes = { absoluteLifetimeMs: 9 * HOUR_MS };
      expect((await put(tenantAdmin, 0, { strategy: 'RejectNew', limit: 4, lifetimes })).status).toBe(200);
      await putForAll({ strategy: 'RejectNew', limit: 2, lifetimes: { absoluteLifetimeMs: 5 * HOUR_MS } });
      const { session } = await signIn(b, userId, tenantId);
      expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(5 * HOUR_MS);
      await signIn(b, userId, tenantId);
      await expect(signIn(b, userId, tenantId)).rejects.toMatchObject({ code: 'SESSION_LIMIT_REACHED' });
    });

    it('never take the place of what an administrator of everybody has stored for the tenant', async () => {
      await freshTenant();
      await put(admin, 0, { strategy: 'RejectNew', limit: 1 }, { tenantId });
      expectProblem(await put(tenantAdmin, 1, { strategy: 'RejectNew', limit: 5 }), 'FORBIDDEN');
      expectProblem(await put(tenantAdmin, 1, {}), 'FORBIDDEN');
      expectProblem(await tenantAdmin.del('/admin/settings?version=1&reason=x'), 'FORBIDDEN');
      expect((await admin.del(`/admin/settings?tenantId=${tenantId}&version=1&reason=x`)).status).toBe(200);
      expect((await put(tenantAdmin, 2, { strategy: 'RejectNew', limit: 1 })).status).toBe(200);
    });
  });

  describe('that cannot be used', () => {
    const tamper = (column: string, value: unknown) =>
      sql(a, `UPDATE identity_session_setting SET ${column} WHERE tenant_id = $2`, [value, tenantId]);

    it.each([
      ['of a newer format', 'format = $1::integer', 2],
      ['with keys that this version does not know', 'settings = $1::jsonb', '{"quota":1}'],
      ['that are no object', 'settings = $1::jsonb', '"None"'],
      ['that are a number too large', 'settings = $1::jsonb', '{"strategy":"RejectNew","limit":1e300}'],
    ])('%s are passed over for the last that were good, and told of once', async (_what, column, value) => {
      await freshTenant();
      await put(admin, 0, { strategy: 'RejectNew', limit: 1 }, { tenantId });
      const userId = randomUUID();
      await signIn(b, userId, tenantId);
      await tamper(column, value);
      for (let n = 0; n < 3; n += 1) {
        await expect(signIn(b, userId, tenantId)).rejects.toMatchObject({ code: 'SESSION_LIMIT_REACHED' });
      }
      expect(warnings.filter((text) => text.includes(tenantId))).toHaveLength(1);
      expect((await get(admin, `?tenantId=${tenantId}`)).body).toMatchObject({ version: 1, usable: false });
      expect((await put(admin, 1, { strategy: 'None' }, { tenantId })).status).toBe(200);
      expect((await signIn(b, userId, tenantId)).evicted).toEqual([]);
    });

    it('are passed over for what is configured by a node that never saw good ones', async () => {
      await freshTenant();
      await put(admin, 0, { strategy: 'RejectNew', limit: 1 }, { tenantId });
      await tamper('format = $1::integer', 99);
      const userId = randomUUID();
      const ids = await signInTimes(b, 6, userId, tenantId);
      expect(new Set(ids).size).toBe(6);
      expect(
        await sql(a, `SELECT FROM identity_session WHERE user_id = $1 AND status = 'active'`, [userId]),
      ).toHaveLength(5);
    });
  });
});
