import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess } from '../support/server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { HttpClient, type Answer } from './support/http-client.js';

jest.setTimeout(120_000);

const ADMIN = { email: 'root@example.com', password: 'correct horse battery' };
/** A connection is waited for 3 s, and an answer 6.5 s. */
const BOUND_MS = 15_000;

describe('[row 66] trouble with the database', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let server: RunningServer;
  let direct: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    const wire = await TcpProxy.to(database.url);
    proxy = wire.proxy;
    server = await startInProcess({
      DATABASE_URL: wire.url,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    });
    direct = new pg.Client({ connectionString: database.url });
    await direct.connect();
  });

  afterEach(async () => {
    proxy.heal();
    await direct.end();
    await server.stop();
    await proxy.close();
    await database.drop();
  });

  const client = () => new HttpClient(server.url);
  const signIn = () => client().signIn(ADMIN.email, ADMIN.password);
  const signUp = () => client().post('/auth/sign-up', { email: 'new@example.com', password: 'a fine password' });

  async function signedIn(): Promise<HttpClient> {
    const admin = client();
    expect(await admin.signIn(ADMIN.email, ADMIN.password)).toMatchObject({ status: 200 });
    return admin;
  }

  function expectUnavailable(answer: Answer): void {
    expect(answer).toMatchObject({ status: 503, body: { code: 'SESSION_STORE_UNAVAILABLE', status: 503 } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.headers.get('set-cookie')).toBeNull();
  }

  async function inTime<T>(work: Promise<T>): Promise<T> {
    const begunAt = performance.now();
    const result = await work;
    expect(performance.now() - begunAt).toBeLessThan(BOUND_MS);
    return result;
  }

  it('is 503 while nothing answers, and over when it does, without a restart', async () => {
    const admin = await signedIn();
    proxy.cut();
    for (const answer of await Promise.all([signIn(), signUp(), admin.post('/admin/accounts', {})])) {
      expectUnavailable(answer);
    }
    expect(await client().get('/health')).toMatchObject({ status: 503, body: { status: 'unavailable' } });
    proxy.heal();
    expect(await signIn()).toMatchObject({ status: 200 });
    expect(await signUp()).toMatchObject({ status: 201 });
    expect(await client().get('/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it('is 503 in bounded time where the database is stopped, and leaves no transaction half done', async () => {
    const admin = await signedIn();
    await signUp();
    const victim = client();
    await victim.signIn('new@example.com', 'a fine password');
    const { rows } = await direct.query<{ id: string }>(`SELECT id FROM account WHERE email_key = 'new@example.com'`);
    proxy.stall();
    const answers = await inTime(
      Promise.all([signIn(), signUp(), admin.patch(`/admin/accounts/${rows[0]?.id ?? ''}`, { disabled: true })]),
    );
    answers.forEach(expectUnavailable);
    proxy.heal();
    expect(await signIn()).toMatchObject({ status: 200 });
    const open = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`;
    expect((await direct.query(open)).rows).toEqual([]);
    const disabled = await direct.query(`SELECT 1 FROM account WHERE disabled_at IS NOT NULL`);
    expect((await victim.get('/me')).status).toBe(disabled.rowCount === 0 ? 200 : 401);
  });

  it('is 503 in bounded time where a lock is held', async () => {
    await direct.query('BEGIN; LOCK TABLE account IN ACCESS EXCLUSIVE MODE');
    expectUnavailable(await inTime(signIn()));
    await direct.query('ROLLBACK');
    expect(await signIn()).toMatchObject({ status: 200 });
  });

  it('is over with the next request where connections were terminated', async () => {
    await Promise.all([signIn(), signIn(), signIn()]);
    await direct.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    // A request that comes before the news may meet a dead connection.
    for (const { status } of await Promise.all([signIn(), signIn(), signIn()])) expect([200, 503]).toContain(status);
    expect(await signIn()).toMatchObject({ status: 200 });
  });

  it('is 503 where the database takes no changes, and no failed sign-in', async () => {
    await direct.query(`ALTER DATABASE "${database.name}" SET default_transaction_read_only = on`);
    await direct.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    for (let attempt = 0; attempt < 12; attempt += 1) expectUnavailable(await signIn());
    expectUnavailable(await signUp());
  });

  it('[row 37] a sign-in that the policy rejects is no failed password', async () => {
    const strict = await startInProcess({
      DATABASE_URL: database.url,
      CONCURRENT_LOGIN_STRATEGY: 'RejectNew',
      SIGN_IN_LIMIT: '3',
    });
    try {
      const at = () => new HttpClient(strict.url).signIn(ADMIN.email, ADMIN.password);
      expect(await at()).toMatchObject({ status: 200 });
      for (let attempt = 0; attempt < 6; attempt += 1) {
        const answer = await at();
        expect(answer).toMatchObject({ status: 409, body: { code: 'SESSION_LIMIT_REACHED' } });
        expect(answer.headers.get('set-cookie')).toBeNull();
      }
    } finally {
      await strict.stop();
    }
  });
});
