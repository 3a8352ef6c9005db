import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { eventually } from '../security/support/time.js';
import { type ServerProcess, startServer } from '../support/server.js';
import { sessionDatabase } from '../support/session-database.js';
import { ADMIN } from './support/two-nodes.js';

const SESSIONS = 5_000;
/** Of an advisory lock. */
const LEAVE = 7;

interface Body {
  /** Of a sign-in. */
  readonly token: string;
  readonly id: string;
  readonly status: string;
  readonly node: string | null;
  readonly matched: number;
  readonly changed: number;
  readonly skipped: number;
}

describe('a job on two nodes', () => {
  let db: Awaited<ReturnType<typeof sessionDatabase>>;
  const nodes = new Map<string, ServerProcess>();

  beforeAll(async () => {
    db = await sessionDatabase();
    const environment = {
      DATABASE_URL: db.database.url,
      ...{ ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password, SIGN_IN_LIMIT: '0' },
    };
    // The first makes the account.
    for (const name of ['a', 'b']) nodes.set(name, await startServer({ ...environment, NODE_NAME: name }));
  });

  afterAll(async () => {
    for (const node of nodes.values()) await node.kill();
    await db.close();
  });

  async function send(node: ServerProcess, method: string, path: string, body?: object, token?: string) {
    const answer = await fetch(node.url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Body };
  }

  it('[row 28] goes on where a node was killed at it: every session ends once, is counted once, and others are served', async () => {
    const { dataSource } = db;
    await seed(dataSource, SESSIONS);
    // Behind its first page the job does not come on until it may.
    await dataSource.query(`CREATE FUNCTION wait_for_leave() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN
        IF OLD.changed > 0 THEN PERFORM pg_advisory_xact_lock_shared(${LEAVE}); END IF;
        RETURN NEW;
      END $$`);
    await dataSource.query(`CREATE TRIGGER wait_for_leave BEFORE UPDATE OF changed ON identity_session_job
      FOR EACH ROW EXECUTE FUNCTION wait_for_leave()`);
    const holder = dataSource.createQueryRunner();
    await holder.query(`SELECT pg_advisory_lock(${LEAVE})`);
    const signIn = { ...ADMIN, transport: 'bearer' };
    const [first] = [...nodes.values()];
    const { token } = (await send(first!, 'POST', '/auth/sign-in', signIn)).body;
    const input = { kind: 'revoke', filter: { tenantId: 'victims' }, reason: 'incident' };
    const asked = await send(first!, 'POST', '/admin/jobs', input, token);
    expect(asked).toMatchObject({ status: 201, body: { matched: SESSIONS } });
    const { id } = asked.body;
    await seed(dataSource, 10);
    let worker: string | undefined;
    await eventually(async () => {
      const [row]: { node: string; changed: number }[] = await dataSource.query(
        'SELECT node, changed FROM identity_session_job WHERE id = $1',
        [id],
      );
      worker = row!.node;
      return row!.changed > 0;
    });
    await nodes.get(worker!)!.kill();
    await holder.query(`SELECT pg_advisory_unlock(${LEAVE})`);
    await holder.release();
    const [survivor] = [...nodes].flatMap(([name, node]) => (name === worker ? [] : [{ name, node }]));
    const left = await send(survivor!.node, 'GET', `/admin/jobs/${id}`, undefined, token);
    expect(left.body.status).toBe('running');
    expect(left.body.changed).toBeLessThan(SESSIONS);

    let job = left.body;
    const served: number[] = [];
    await eventually(async () => {
      served.push((await send(survivor!.node, 'GET', '/me', undefined, token)).status);
      ({ body: job } = await send(survivor!.node, 'GET', `/admin/jobs/${id}`, undefined, token));
      return job.status !== 'running';
    });
    expect(job).toMatchObject({ status: 'done', node: survivor!.name, changed: SESSIONS, skipped: 0 });
    expect(new Set(served)).toEqual(new Set([200]));
    const wrong: unknown[] = await dataSource.query(
      `SELECT s.id FROM identity_session s LEFT JOIN identity_session_event e ON e.session_id = s.id AND e.type = 'revoked'
       WHERE s.tenant_id = 'victims' AND s.ended_at IS NOT NULL
       GROUP BY s.id HAVING count(e.id) <> 1 OR s.version <> 2`,
    );
    expect(wrong).toEqual([]);
    // Those that began after it was asked live on.
    expect(await count(dataSource, 'ended_at IS NOT NULL')).toBe(SESSIONS);
    expect(await count(dataSource, 'ended_at IS NULL')).toBe(10);
  });
});

async function seed(dataSource: DataSource, sessions: number): Promise<void> {
  await dataSource.query(
    `INSERT INTO identity_session (id, tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
       assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
     SELECT gen_random_uuid(), 'victims', 'user-' || n, 'web', 'active', '{}', '\\x00', '\\x00', 'aal1', false, at, at, at,
       86400000, at + interval '30 days', at + interval '1 day'
     FROM generate_series(1, $1::int) AS n,
       (SELECT date_trunc('milliseconds', clock_timestamp()) AS at) moment`,
    [sessions],
  );
}

async function count(dataSource: DataSource, where: string): Promise<number> {
  const [row]: { n: number }[] = await dataSource.query(
    `SELECT count(*)::int AS n FROM identity_session WHERE tenant_id = 'victims' AND ${where}`,
  );
  return row!.n;
}
