import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionAdminService, SessionDataService } from 'nestjs-identity-session';
import { PLAIN_IDS } from '../../libs/session/src/nest/session/session-ids.js';
import { historyLine } from '../../libs/session/src/nest/rest/history-text.js';
import { readUserHistory } from '../../libs/session/src/store/postgres/statements/history.statements.js';
import { startTestApp, TestAccessPolicy, type TestApp } from '../support/app.js';
import { IN_FULL } from '../support/in-full.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, type Client, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { sql } from './support/rows.js';

interface Entry {
  readonly type: string;
  readonly sessionId: string | null;
  readonly source: string;
  readonly ip?: string;
  readonly tags?: string[];
  readonly idempotencyKey?: string;
  readonly changes: { field: string; from?: unknown; to?: unknown }[];
}
const entriesOf = ({ body }: Answer): Entry[] => body.items as unknown as Entry[];
const KEYS = ['id', 'type', 'at', 'version', 'reason', 'actor'];

describe.each(ADAPTERS)('the history on %s', (adapter) => {
  let node: TestApp;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp({ adapter, extras: { accessPolicy: TestAccessPolicy } });
    admin = await signedIn(node, { userId: 'admin' });
  });
  afterAll(() => node.close());

  const ofSession = async ({ sessionId }: Client) => entriesOf(await admin.get(`/admin/sessions/${sessionId}/events`));
  const asText = (path: string, by = admin) => by.request('GET', path, { headers: { accept: 'text/plain' } });

  it('tells what changed, who did it, from which address and by what way', async () => {
    const client = await signedIn(node, { userId: randomUUID() });
    const path = `/admin/sessions/${client.sessionId}`;
    await client.patch(`/sessions/${client.sessionId}`, { deviceName: 'Phone' });
    const key = { 'idempotency-key': 'step-1' };
    const body = { reason: 'odd', tags: ['ticket-4711'] };
    expect((await admin.request('POST', `${path}/suspend`, { body, headers: key })).status).toBe(200);
    await admin.post(`${path}/resume`, { tags: ['a', 'b'] });
    await admin.del(`${path}?reason=gone`);
    const [created, renamed, suspended, resumed, revoked] = await ofSession(client);
    expect(created).toMatchObject({ type: 'created', source: 'sign-in', ip: '127.0.0.1' });
    expect(renamed).toMatchObject({ source: 'rest', ip: '127.0.0.1' });
    expect(renamed?.changes).toEqual([{ field: 'deviceName', from: null, to: 'Phone' }]);
    expect(suspended).toMatchObject({ source: 'rest', tags: ['ticket-4711'], idempotencyKey: 'step-1' });
    expect(suspended?.changes).toEqual([{ field: 'status', from: 'active', to: 'suspended' }]);
    expect(resumed).toMatchObject({ type: 'activated', tags: ['a', 'b'] });
    expect(revoked?.changes).toEqual([
      { field: 'status', from: 'active', to: 'revoked' },
      { field: 'holdsSlot', from: true, to: false },
    ]);
    expect(Object.keys(revoked ?? {})).toEqual([...KEYS, 'changes', 'source', 'ip']);
    const time = created?.changes.find(({ field }) => field === 'expiresAt')?.to;
    expect(new Date(String(time)).toISOString()).toBe(time);
  });

  it('names what changed of data, and tells no value of it', async () => {
    const client = await signedIn(node, { userId: randomUUID(), data: { plan: 'free' } });
    const data = node.app.get(SessionDataService);
    await data.merge(
      client.sessionId,
      { plan: 'canary-value', more: 1 },
      { by: 'shop', source: 'shop', tags: ['sold'] },
    );
    const last = (await ofSession(client)).at(-1);
    expect(last).toMatchObject({ type: 'data_changed', source: 'shop', tags: ['sold'] });
    expect(last?.changes).toEqual([{ field: 'data.more' }, { field: 'data.plan' }]);
    expect((await admin.get(`/admin/users/${client.sessionId}/events`)).text).not.toContain('canary-value');
  });

  it('of a user is that of all sessions, in pages', async () => {
    const userId = randomUUID();
    const clients = [await signedIn(node, { userId }), await signedIn(node, { userId })];
    await admin.del(`/admin/users/${userId}/sessions`);
    const path = `/admin/users/${userId}/events`;
    const all = entriesOf(await admin.get(path));
    expect(all.map(({ type }) => type)).toEqual(['created', 'created', 'revoked', 'revoked']);
    expect(new Set(all.map(({ sessionId }) => sessionId))).toEqual(new Set(clients.map(({ sessionId }) => sessionId)));
    const first = await admin.get(`${path}?limit=3`);
    const second = await admin.get(`${path}?limit=3&cursor=${String(first.body.nextCursor)}`);
    expect([...entriesOf(first), ...entriesOf(second)]).toEqual(all);
    expect(second.body.nextCursor).toBe(null);
    const text = await asText(`${path}?limit=3`);
    expect(text.headers['next-cursor']).toBe(first.body.nextCursor);
    expect(text.text.split('\n')).toHaveLength(4);
    expect((await asText(`${path}?limit=3&cursor=${String(first.body.nextCursor)}`)).headers['next-cursor']).toBe(
      undefined,
    );
  });

  it('is text for whoever asks for it, and nobody’s name makes a line of it', async () => {
    const client = await signedIn(node, {
      userId: randomUUID(),
      deviceName: 'x\n2026-01-01 revoked by="admin"\u001b[2J',
    });
    const path = `/admin/sessions/${client.sessionId}/events`;
    const answer = await asText(path);
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.text).toMatch(
      /^\S+Z created version=1 by="[^"]+" source="sign-in" ip="127\.0\.0\.1" status: null -> "active"/,
    );
    expect(answer.text).toContain(String.raw`deviceName: null -> "x\n2026-01-01 revoked by=\"admin\"\u001b[2J"`);
    expect(answer.text.endsWith('\n')).toBe(true);
    expect(answer.text.split('\n')).toHaveLength(2);
    for (const accept of ['*/*', 'application/json, text/plain;q=0.5', 'text/html', 'text/plain;q=0', '']) {
      const json = await admin.request('GET', path, { headers: { accept } });
      expect(json.headers['content-type']).toContain('application/json');
    }
  });

  it('[row 44] is within the right of whoever asks, and nobody’s without one', async () => {
    const userId = randomUUID();
    const [red, blue] = [
      await signedIn(node, { userId, tenantId: 'red' }),
      await signedIn(node, { userId, tenantId: 'blue' }),
    ];
    const path = `/admin/users/${userId}/events`;
    const lead = await signedIn(node, { userId: 'admin@red' });
    expect(entriesOf(await lead.get(path)).map(({ sessionId }) => sessionId)).toEqual([red.sessionId]);
    expect((await asText(path, lead)).text).not.toContain(blue.sessionId);
    expectProblem(await lead.get(`/admin/sessions/${blue.sessionId}/events`), 'SESSION_NOT_FOUND');
    expectProblem(await asText(`/admin/sessions/${blue.sessionId}/events`, lead), 'SESSION_NOT_FOUND');
    expectProblem(await red.get(path), 'FORBIDDEN');
    expect(entriesOf(await admin.get('/admin/users/nobody-at-all/events'))).toEqual([]);
  });

  it('refuses keys and tags that it could not keep, and changes nothing then', async () => {
    const client = await signedIn(node, { userId: randomUUID() });
    const path = `/admin/sessions/${client.sessionId}`;
    for (const key of ['x'.repeat(129), 'sch\u00f6n', 'tab\there']) {
      const answer = await admin.request('DELETE', path, { headers: { 'idempotency-key': key } });
      expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
    }
    for (const tags of [['x'.repeat(65)], Array.from({ length: 11 }, String), [''], 'tag', [7]]) {
      expectProblem(await admin.post(`${path}/suspend`, { reason: 'r', tags }), 'VALIDATION_FAILED', ['errors']);
    }
    expect(await client.alive()).toBe(200);
    expect(await ofSession(client)).toHaveLength(1);
  });

  it('is written once for a change that is asked for again with its key, and answered as the first time', async () => {
    const client = await signedIn(node, { userId: randomUUID() });
    const path = `/admin/sessions/${client.sessionId}`;
    const headers = { 'idempotency-key': randomUUID() };
    const suspend = () => admin.request('POST', `${path}/suspend`, { body: { reason: 'odd' }, headers });
    const answers = await Promise.all(Array.from({ length: 6 }, suspend));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    await admin.post(`${path}/resume`);
    expect((await suspend()).body.status).toBe('active');
    const revoke = () => admin.request('DELETE', path, { headers });
    expect([(await revoke()).status, (await revoke()).status]).toEqual([204, 204]);
    expectProblem(await admin.del(path), 'SESSION_NOT_FOUND');
    const another = await signedIn(node, { userId: 'admin@red' });
    expectProblem(await another.request('DELETE', path, { headers }), 'SESSION_NOT_FOUND');
    const types = (await ofSession(client)).map(({ type }) => type);
    expect(types).toEqual(['created', 'suspended', 'activated', 'revoked']);
  });

  it('is there in code too, with what the code says of the change', async () => {
    const service = node.app.get(SessionAdminService);
    const userId = randomUUID();
    const client = await signedIn(node, { userId });
    const context = { source: 'nightly', ip: '2001:db8::7', tags: ['batch'], idempotencyKey: 'n-1' };
    await service.revoke(client.sessionId, { reason: 'unused', by: 'nightly', ...context });
    const entries = await service.userHistory(userId, { limit: 10, after: null });
    expect(entries.at(-1)).toMatchObject({ type: 'revoked', actor: 'nightly', ...context });
    expect(await service.userHistory('\u0000', { limit: 10, after: null })).toEqual([]);
  });
});

describe('a user with many sessions', () => {
  const SESSIONS = IN_FULL ? 20_000 : 3_000;
  const PAGE = 500;
  const userId = 'many';
  let node: TestApp;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp();
    admin = await signedIn(node, { userId: 'admin' });
    await signedIn(node, { userId: `not-${userId}` });
    const columns = (
      await sql<{ name: string }>(
        node,
        `SELECT attname AS name FROM pg_attribute WHERE attrelid = 'identity_session'::regclass AND attnum > 0
           AND NOT attisdropped AND attname NOT IN ('id', 'sequence', 'user_id')`,
      )
    ).map(({ name }) => name);
    await sql(
      node,
      `INSERT INTO identity_session (id, user_id, ${columns.join(', ')})
       SELECT gen_random_uuid(), $1, ${columns.join(', ')} FROM identity_session, generate_series(1, $2::int)
       WHERE user_id = 'not-' || $1`,
      [userId, SESSIONS],
    );
    await sql(
      node,
      `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id, user_id, actor)
       SELECT now(), 'created', id, 1, '', user_id, user_id FROM identity_session WHERE user_id = $1`,
      [userId],
    );
    await sql(node, 'ANALYZE identity_session_event');
  });
  afterAll(() => node.close());

  it('is exported whole, and no more than a page of them is held at a time', async () => {
    const seen = new Set<string | null>();
    let largest = 0;
    for await (const part of node.app.get(SessionAdminService).exportUser(userId)) {
      const items = part.kind === 'sessions' ? part.sessions : part.entries;
      largest = Math.max(largest, items.length);
      for (const item of items) seen.add(item.id);
    }
    expect([seen.size, largest]).toEqual([2 * SESSIONS, PAGE]);
    const answer = await admin.get(`/admin/users/${userId}/export`);
    expect(answer.headers['content-disposition']).toBe('attachment; filename="user.json"');
    const file = JSON.parse(answer.text) as Record<'sessions' | 'events', { id: string; sessionId?: string }[]>;
    expect(new Set(file.sessions.map(({ id }) => id)).size).toBe(SESSIONS);
    expect(new Set(file.events.map(({ sessionId }) => sessionId)).size).toBe(SESSIONS);
    const text = await admin.request('GET', `/admin/users/${userId}/export`, { headers: { accept: 'text/plain' } });
    expect(text.text.split('\n')).toHaveLength(SESSIONS + 1);
    expect(JSON.parse((await admin.get('/admin/users/nobody/export')).text)).toEqual({
      ...{ userId: 'nobody', sessions: [], events: [] },
    });
  });

  it('[row 44] is exported within the right of whoever asks', async () => {
    const lead = await signedIn(node, { userId: 'admin@red' });
    expect(JSON.parse((await lead.get(`/admin/users/${userId}/export`)).text)).toMatchObject({
      sessions: [],
      events: [],
    });
    const own = await signedIn(node, { userId });
    expectProblem(await own.get(`/admin/users/${userId}/export`), 'FORBIDDEN');
  });

  it('has a history that an index finds, wherever the page begins', async () => {
    const asked: [string, readonly unknown[]][] = [];
    const note = {
      query: (text: string, values: readonly unknown[] = []) => (asked.push([text, values]), Promise.resolve([])),
    };
    await readUserHistory(note as never, { kind: 'all' }, `not-${userId}`, { limit: 50, after: '0' });
    const [text, values] = asked[0] ?? ['', []];
    const plan = await sql<{ 'QUERY PLAN': string }>(node, `EXPLAIN ${text}`, [...values]);
    const lines = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(lines).toContain('identity_session_event_user');
    expect(lines).not.toContain('Seq Scan on identity_session_event');
  });
});

describe('a line of a history', () => {
  const line = (more: object) =>
    historyLine({ id: '1', type: 'renamed', at: 0, version: 2, reason: null, actor: null, ...more }, PLAIN_IDS);

  it.each([
    '\u2028',
    '\u2029',
    '\u0085',
    '\u00a0',
    '\u202e',
    '\u200b',
    '\ufeff',
    '\u0000',
    '\u007f',
    '\u{e0001}',
    '\ud800',
    '\r',
  ])('escapes %j', (odd) => {
    for (const more of [{ reason: odd }, { actor: odd }, { tags: [odd] }, { changes: [{ field: `data.${odd}` }] }]) {
      const text = line(more);
      expect(text).not.toContain(odd);
      expect(text.slice(0, -1)).toMatch(/^[\x20-\x7e]+$/);
    }
  });

  it('leaves letters of any language as they are', () => {
    expect(line({ reason: 'Müller’s 電話 📱' })).toContain('reason="Müller’s 電話 📱"');
  });
});
