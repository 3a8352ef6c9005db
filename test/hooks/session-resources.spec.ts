import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ResourceRelease,
  type Session,
  SessionAdminService,
  SessionCleanup,
  SessionResources,
  SessionService,
} from 'nestjs-identity-session';
import { sql } from '../security/support/rows.js';
import { DEAF, eventually, readsOn } from '../security/support/time.js';
import { startTestApp, type TestApp } from '../support/app.js';

let here: TestApp;
let there: TestApp;
const errors: string[] = [];
const keep = (text: unknown) => errors.push(String(text));
// The same for all: Nest has one for the process.
const logger = { log: () => undefined, warn: () => undefined, error: keep, fatal: keep };
const options = { tailIntervalMs: 100 };

beforeAll(async () => {
  here = await startTestApp({ logger, options });
  there = await startTestApp({ logger, options, joins: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
});

let users = 0;
const signIn = async (userId = `user ${(users += 1)}`, tenantId: string | null = null): Promise<Session> =>
  (await here.app.get(SessionService).signIn({ userId, tenantId })).session;
const resources = () => here.app.get(SessionResources);
/** Held here; what it is told. */
async function hold(session: Session) {
  const told: ResourceRelease[] = [];
  const giveUp = await resources().hold(session, (release) => told.push(release));
  return { told, giveUp };
}
const revokeThere = ({ id }: Session, reason = 'lost phone') =>
  there.app.get(SessionAdminService).revoke(id, { reason, by: 'admin' });

describe('what a node holds for a session', () => {
  it('is given up once when the session ends on another node, and says why', async () => {
    const session = await signIn();
    const [one, two] = [await hold(session), await hold(session)];
    const stranger = await hold(await signIn());
    expect(resources().size).toBe(3);
    await revokeThere(session);
    await eventually(() => one.told.length > 0 && two.told.length > 0);
    await readsOn(here);
    for (const { told, giveUp } of [one, two]) {
      expect(told).toEqual([{ sessionId: session.id, because: 'revoked', reason: 'lost phone' }]);
      expect(giveUp()).toBe(false);
    }
    expect(stranger.told).toEqual([]);
    expect(stranger.giveUp()).toBe(true);
    expect(resources().size).toBe(0);
  });

  it('stays while the session is suspended, and is the application’s to give up', async () => {
    const session = await signIn();
    const [kept, left] = [await hold(session), await hold(session)];
    await here.app.get(SessionAdminService).suspend(session.id, { reason: 'odd', by: 'admin' });
    await here.app.get(SessionAdminService).resume(session.id, { reason: 'fine', by: 'admin' });
    expect(left.giveUp()).toBe(true);
    await here.app.get(SessionService).find(session.id);
    expect(kept.told).toEqual([]);
    await revokeThere(session);
    await eventually(() => kept.told.length > 0);
    expect(left.told).toEqual([]);
  });

  it('is given up by a cut-off of its user, and by nobody else’s', async () => {
    const [mine, namesake] = [await hold(await signIn('cut', 'acme')), await hold(await signIn('cut', 'other'))];
    await there.app.get(SessionAdminService).cutOff({ userId: 'cut', tenantId: 'acme', reason: 'breach' });
    await eventually(() => mine.told.length > 0);
    expect(mine.told).toMatchObject([{ because: 'revoked', reason: 'breach' }]);
    expect(namesake.told).toEqual([]);
    expect(namesake.giveUp()).toBe(true);
  });

  it('is given up before it is held where the session has ended, also where this node has not heard of it', async () => {
    const session = await signIn();
    await revokeThere(session);
    const late = await hold(session);
    await eventually(() => late.told.length > 0);
    expect(late.told).toMatchObject([{ because: 'revoked' }]);
    expect(late.giveUp()).toBe(false);
  });

  it('is given up when the cleanup ends what has run out, or it is there no more', async () => {
    const session = await signIn();
    const { told } = await hold(session);
    await sql(
      here,
      `UPDATE identity_session SET created_at = at, authenticated_at = at, last_accessed_at = at,
         expires_at = at + interval '1 minute', due_at = at + interval '1 minute'
       FROM (SELECT clock_timestamp() - interval '2 hours' AS at) moment WHERE id = $1`,
      [session.id],
    );
    await here.app.get(SessionCleanup).run();
    await eventually(() => told.length > 0);
    expect(told).toMatchObject([{ because: 'expired' }]);
    const removed = await signIn();
    await sql(here, 'DELETE FROM identity_session WHERE id = $1', [removed.id]);
    const deaf = await startTestApp({ logger, joins: here, options: DEAF });
    const gone: ResourceRelease[] = [];
    await deaf.app.get(SessionResources).hold(removed, (release) => gone.push(release));
    await eventually(() => gone.length > 0);
    expect(gone).toEqual([{ sessionId: removed.id, because: 'removed', reason: null }]);
    await deaf.close();
  });

  it('is given up although the end was missed with the connection to the log', async () => {
    const session = await signIn();
    const { told } = await hold(session);
    await sql(here, `DELETE FROM identity_session_event WHERE session_id = $1`, [session.id]);
    // As a row that was put back: nobody is told of it.
    await sql(
      here,
      `UPDATE identity_session SET status = 'revoked', ended_at = clock_timestamp(), end_reason = 'unheard', due_at = NULL,
         version = version + 1 WHERE id = $1`,
      [session.id],
    );
    await readsOn(here);
    expect(told).toEqual([]);
    await sql(
      here,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%identity_session_event%'`,
    );
    await eventually(() => told.length > 0);
    expect(told).toEqual([{ sessionId: session.id, because: 'revoked', reason: 'unheard' }]);
  });

  it('that cannot be given up keeps no other from it, and is logged', async () => {
    const session = await signIn();
    await resources().hold(session, () => {
      throw new Error('the broker is away');
    });
    await resources().hold(session, () => Promise.reject(new Error('so is the other')));
    const { told } = await hold(session);
    await revokeThere(session);
    await eventually(() => told.length > 0 && errors.length >= 2);
    expect(errors.join()).toContain('the broker is away');
    expect(errors.join()).toContain('so is the other');
  });

  it('is given up when the node stops, which waits for it, and nothing is held any more', async () => {
    const leaving = await startTestApp({ logger, options, joins: here });
    const session = await signIn();
    const told: unknown[] = [];
    const own = leaving.app.get(SessionResources);
    await own.hold(session, async (release) => {
      await new Promise((resolve) => setImmediate(resolve));
      told.push(release);
    });
    await leaving.close();
    expect(told).toEqual([{ sessionId: session.id, because: 'shutdown', reason: null }]);
    await expect(own.hold(session, () => undefined)).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
    expect((await here.app.get(SessionService).find(session.id))?.status).toBe('active');
  });
});
