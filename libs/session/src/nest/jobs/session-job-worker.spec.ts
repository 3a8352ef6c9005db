import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionAdminService, SessionJobs } from 'nestjs-identity-session';
import { InMemorySessionStore } from 'nestjs-identity-session/testing';
import { sql } from '../../../../../test/security/support/rows.js';
import { eventually } from '../../../../../test/security/support/time.js';
import { startTestApp, type TestApp } from '../../../../../test/support/app.js';
import { Stopwatch } from '../../../../../test/support/stopwatch.js';
import { TcpProxy } from '../../../../../test/support/tcp-proxy.js';
import { JobPace } from './job-pace.js';
import { SessionJobWorker } from './session-job-worker.js';

const ASKED = { kind: 'revoke', reason: 'test', by: 'admin' } as const;

/** Live sessions of a tenant of their own, as if by sign-in. */
async function seeded(node: TestApp, sessions: number): Promise<string> {
  const tenantId = randomUUID();
  await sql(
    node,
    `INSERT INTO identity_session (id, tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
       assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
     SELECT gen_random_uuid(), $2::text, 'user-' || n, 'web', 'active', '{}', '\\x00', '\\x00', 'aal1', false, at, at, at,
       86400000, at + interval '30 days', at + interval '1 day'
     FROM generate_series(1, $1::int) AS n, (SELECT date_trunc('milliseconds', clock_timestamp()) AS at) moment`,
    [sessions, tenantId],
  );
  return tenantId;
}

describe('work on jobs', () => {
  let node: TestApp;
  const others: TestApp[] = [];

  beforeAll(async () => {
    node = await startTestApp({ options: { nodeName: 'node-1', jobs: { enabled: false } } });
  });
  afterEach(async () => {
    while (others.length > 0) await others.pop()!.close();
    await sql(node, 'DROP TRIGGER IF EXISTS slow ON identity_session_job');
  });
  afterAll(() => node.close());

  const another = async (nodeName: string): Promise<TestApp> => {
    const other = await startTestApp({ joins: node, options: { nodeName, jobs: { takeOverAfterMs: 60_000 } } });
    others.push(other);
    return other;
  };
  const job = async (id: string) => (await node.app.get(SessionJobs).find(id))!;

  it('a node that is shut down hands its job back, and another goes on at once', async () => {
    await sql(
      node,
      `CREATE OR REPLACE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $$`,
    );
    await sql(
      node,
      'CREATE TRIGGER slow BEFORE UPDATE OF changed ON identity_session_job FOR EACH ROW EXECUTE FUNCTION be_slow()',
    );
    const tenantId = await seeded(node, 3_000);
    const [second, third] = [await another('node-2'), await another('node-3')];
    const { id } = (await second.app.get(SessionJobs).start({ ...ASKED, filter: { tenantId } })).job!;
    await eventually(async () => (await job(id)).changed > 0);
    await others.shift()!.close();
    const handedBack = await job(id);
    expect(handedBack).toMatchObject({ status: 'running', node: null, heartbeatAt: null });
    expect(handedBack.changed).toBeLessThan(3_000);
    third.app.get(SessionJobWorker, { strict: false }).wake();
    await eventually(async () => (await job(id)).status !== 'running');
    expect(await job(id)).toMatchObject({ status: 'done', node: 'node-3', changed: 3_000, skipped: 0 });
    expect(await node.app.get(SessionAdminService).count({ tenantId, status: 'live' })).toBe(0);
  });

  it('is gone on with by itself once the database is there again', async () => {
    let wire: TcpProxy | undefined;
    const other = await startTestApp({
      joins: node,
      options: { nodeName: 'node-2', jobs: { takeOverAfterMs: 200 } },
      databaseUrl: async (direct) => {
        const { proxy, url } = await TcpProxy.to(direct);
        wire = proxy;
        return url;
      },
    });
    others.push(other);
    const tenantId = await seeded(node, 2_500);
    const { id } = (await other.app.get(SessionJobs).start({ ...ASKED, filter: { tenantId } })).job!;
    await eventually(async () => (await job(id)).changed > 0);
    wire!.cut();
    await eventually(() => other.app.get(SessionJobWorker, { strict: false }).counts.failures > 0);
    expect((await job(id)).status).toBe('running');
    wire!.heal();
    await eventually(async () => (await job(id)).status !== 'running');
    expect(await job(id)).toMatchObject({ status: 'done', changed: 2_500, skipped: 0, error: null });
    await others.pop()!.close();
    await wire!.close();
  });

  it('is none of a node where it is switched off, which may ask for it', async () => {
    const tenantId = await seeded(node, 10);
    const { id } = (await node.app.get(SessionJobs).start({ ...ASKED, filter: { tenantId } })).job!;
    node.app.get(SessionJobWorker, { strict: false }).wake();
    expect(await job(id)).toMatchObject({ status: 'running', node: null, startedAt: null });
    await another('node-4');
    await eventually(async () => (await job(id)).status === 'done');
    expect(await job(id)).toMatchObject({ node: 'node-4', changed: 10 });
  });

  it('is given up where it was begun ten times and did not come on', async () => {
    const { id } = (await node.app.get(SessionJobs).start({ ...ASKED, filter: { userId: randomUUID() } })).job!;
    await sql(node, 'UPDATE identity_session_job SET attempts = 10 WHERE id = $1', [id]);
    await another('node-5');
    await eventually(async () => (await job(id)).status !== 'running');
    expect(await job(id)).toMatchObject({ status: 'failed', changed: 0, error: expect.stringContaining('10 times') });
  });

  it('cancels what nobody has approved in time', async () => {
    const { id } = (await node.app.get(SessionJobs).start({ ...ASKED, filter: { userId: randomUUID() } })).job!;
    await sql(
      node,
      `UPDATE identity_session_job SET status = 'awaiting_approval', created_at = now() - interval '1 day' WHERE id = $1`,
      [id],
    );
    await another('node-6');
    await eventually(async () => (await job(id)).status !== 'awaiting_approval');
    expect(await job(id)).toMatchObject({ status: 'cancelled', cancelledBy: null, error: expect.any(String) });
  });

  it('goes on in memory as in the database', async () => {
    const store = new InMemorySessionStore();
    const home = await startTestApp({ joins: node, options: { store } });
    others.push(home);
    const sessions = home.app.get(SessionJobs);
    const response = await fetch(`${home.url}/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId: 'alice' }),
    });
    expect(response.status).toBe(201);
    const { id } = (await sessions.start({ ...ASKED, filter: { userId: 'alice' } })).job!;
    await eventually(async () => (await sessions.find(id))?.status === 'done');
    expect(await sessions.find(id)).toMatchObject({ changed: 1, matched: 1 });
  });
});

describe('the pace of a job', () => {
  /** How long so many pages took, and how much of that the process was awake. */
  const pages = async (pace: JobPace, count: number): Promise<{ ms: number; awakeMs: number }> => {
    const begunAt = performance.now();
    const watch = new Stopwatch();
    for (let n = 0; n < count; n += 1) await pace.afterPage(0, new AbortController().signal);
    return { ms: performance.now() - begunAt, awakeMs: watch.stop() };
  };

  it('waits for the reader of the change log once that is ten pages behind, and no longer than it has patience', async () => {
    let now = 1_000;
    let appliedAsOf: number | undefined = 0;
    const pace = new JobPace({ now: () => (now += 1), appliedAsOf: () => appliedAsOf, patienceMs: 400 });
    expect((await pages(pace, 9)).awakeMs).toBeLessThan(400);
    expect((await pages(pace, 1)).ms).toBeGreaterThanOrEqual(399);
    // It has come nearer: there is room for as many pages as it has read.
    appliedAsOf = 1_005;
    expect((await pages(pace, 4)).awakeMs).toBeLessThan(400);
    expect((await pages(pace, 1)).ms).toBeGreaterThanOrEqual(399);
    appliedAsOf = undefined;
    expect((await pages(pace, 20)).awakeMs).toBeLessThan(400);
  });
});
