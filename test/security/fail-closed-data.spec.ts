import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { Client, presenting, signedIn } from './support/client.js';
import { ElevateController, RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { setRow, sql } from './support/rows.js';
import { eventually, flushTouches, forget } from './support/time.js';

const SILENT = { log: () => undefined, error: () => undefined, warn: () => undefined };

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      logger: SILENT,
      controllers: [RuleController, ElevateController],
    });
  });
  afterAll(() => node.close());

  it.each([
    ['a status that this version does not know', `status = 'hibernating'`],
    ['a status named like a property of every object', `status = '__proto__'`],
    ['an empty status', `status = ''`],
    ['a digest that is cut', `token_digest = substring(token_digest FROM 1 FOR 16)`],
    ['an empty digest', `token_digest = ''`],
    ['an idle limit below zero', `idle_timeout_ms = -1`],
    ['a last access before all time', `last_accessed_at = '-infinity'`],
  ])('[row 66] a row with %s admits nobody and breaks nothing, from the cache either', async (_what, assignments) => {
    const user = await signedIn(node, { userId: 'damaged' });
    await setRow(node, user.sessionId, `${assignments}, version = version + 1`);
    forget(node);
    for (const path of ['/me', '/me', '/strict', '/sessions', '/second-factor']) {
      expect([401, 503]).toContain((await user.get(path)).status);
    }
    expect([200, 503]).toContain((await user.get('/optional')).status);
    // A browser with such a cookie can still sign in.
    expect((await user.signIn({ userId: 'damaged' })).status).toBe(201);
    expect(await user.alive()).toBe(200);
  });

  it('[row 66] a level of assurance that nobody knows is none, where it is stored and where it is asked for', async () => {
    const user = await signedIn(node, { userId: 'unsure' });
    await setRow(node, user.sessionId, `assurance = 'zzz', version = version + 1`);
    forget(node);
    expectProblem(await user.get('/second-factor'), 'ASSURANCE_TOO_LOW');
    for (const assurance of ['zzz', '', 'AAL3', ['aal3'], 3]) {
      const body = { userId: 'unsure', assurance };
      expectProblem(await new Client(node.url).post('/sign-in', body), 'VALIDATION_FAILED', ['errors']);
      expectProblem(await user.post('/elevate', { assurance }), 'VALIDATION_FAILED', ['errors']);
    }
  });

  it('[row 66] a database that takes no writes serves who is known and claims no change', async () => {
    const user = await signedIn(node, { userId: 'reader' });
    const other = await signedIn(node, { userId: 'reader' });
    const admin = await signedIn(node, { userId: 'admin' });
    const { token } = user;
    await readOnly(true);
    try {
      await eventually(async () => (await user.get('/strict')).status === 200);
      const refused = [
        await user.del('/sign-out'),
        await user.del(`/sessions/${user.sessionId}`),
        await user.del(`/sessions/${other.sessionId}`),
        await user.del('/sessions?includeCurrent=true'),
        await user.patch(`/sessions/${other.sessionId}`, { deviceName: 'x' }),
        await user.post('/elevate', { assurance: 'aal2' }),
        await admin.del(`/admin/sessions/${other.sessionId}`),
        await admin.del('/admin/users/reader/sessions'),
        await new Client(node.url).signIn({ userId: 'reader' }),
        await user.signIn({ userId: 'reader' }),
      ];
      for (const answer of refused) {
        expectProblem(answer, 'SESSION_STORE_UNAVAILABLE');
        expect(answer.setCookies).toEqual([]);
        expect(answer.headers).not.toHaveProperty('clear-site-data');
      }
      await flushTouches(node);
      expect(user.token).toBe(token);
      expect([await user.alive(), await other.alive()]).toEqual([200, 200]);
      expect((await user.get('/sessions')).body.items).toHaveLength(2);
    } finally {
      await readOnly(false);
    }
    await eventually(async () => (await user.get('/strict')).status === 200);
    expect((await user.del('/sign-out')).status).toBe(200);
    expectProblem(await presenting(node, token).me(), 'SESSION_SIGNED_OUT');
  });

  /** As after a failover to a standby: new connections find it so, and the old ones are gone. */
  async function readOnly(isOn: boolean): Promise<void> {
    await sql(
      node,
      `BEGIN READ WRITE;
       ALTER DATABASE ${node.db.database.name} SET default_transaction_read_only = ${isOn};
       COMMIT`,
    );
    await sql(
      node,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
  }
});
