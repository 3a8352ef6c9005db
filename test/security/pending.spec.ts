import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AdministrationAction,
  ConcurrentLoginStrategyService,
  type PolicyResolver,
  type Session,
  SessionAdminService,
  type SessionAccessPolicy,
  type SessionScope,
  SessionService,
} from 'nestjs-identity-session';
import { DataSource, type EntityManager } from 'typeorm';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, type Client, presenting, signedIn, type SignInRequest } from './support/client.js';
import { PendingController, RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { sql } from './support/rows.js';
import { eventually, followsLog, forget, letTimePass } from './support/time.js';

/** `admin` administrates; whoever is called a boss approves, and does nothing else. */
class Rules implements SessionAccessPolicy {
  scopeFor({ userId }: Session, action: AdministrationAction): SessionScope | null {
    if (userId === 'admin') return { kind: 'all' };
    return userId.startsWith('boss') && action === 'approve' ? { kind: 'all' } : null;
  }
}

/** By the role, so that it is told whose policy counts. */
const policyOf: PolicyResolver = ({ roles: [whenFull] }) =>
  whenFull === 'evict-oldest' || whenFull === 'ask' || whenFull === 'reject'
    ? [{ scope: 'subject', limit: 1, whenFull }]
    : [];

const BOSSES = ['boss-1', 'boss-2'];
const SECOND_FACTOR = { requirements: [{ name: 'second_factor' }] };
const FOUR_EYES = { requirements: [{ name: 'four_eyes', approvers: { mode: 'sequence', of: BOSSES } }] } as const;

describe.each(ADAPTERS)('on %s', (adapter) => {
  const queries: string[] = [];
  let node: TestApp;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      options: { policy: policyOf },
      extras: { accessPolicy: Rules },
      controllers: [RuleController, PendingController],
      onQuery: (query) => queries.push(query),
    });
    admin = await signedIn(node, { userId: 'admin' });
    await followsLog(node);
  });
  afterAll(() => node.close());

  const waiting = (userId: string, more: Partial<SignInRequest> = {}) =>
    signedIn(node, { userId, pending: SECOND_FACTOR, ...more });
  const complete = (client: Client, body: object = { requirement: 'second_factor', assurance: 'aal2' }) =>
    client.post('/complete', body);
  const act = (by: Client, action: string, { sessionId }: Client, body: object) =>
    by.post(`/admin/sessions/${sessionId}/${action}`, body);
  const refusedWith = (answer: Answer, requirements: string[]) => {
    expectProblem(answer, 'SESSION_PENDING', ['requirements']);
    expect(answer.body.requirements).toEqual(requirements);
  };
  const typesOf = async ({ sessionId }: Client) =>
    (await admin.get(`/admin/sessions/${sessionId}/events`)).body.items.map(
      (entry) => (entry as { readonly type?: string }).type,
    );

  describe('[row 10] a session of which a second factor is required', () => {
    it('passes no guard, from memory either, and tells its owner what is missing', async () => {
      const user = await waiting('halfway');
      refusedWith(await user.me(), ['second_factor']);
      queries.length = 0;
      for (const path of ['/me', '/sessions', '/sessions/current', '/admin/sessions', '/second-factor', '/fresh']) {
        refusedWith(await user.get(path), ['second_factor']);
      }
      expect((await user.get('/optional')).body).toEqual({ sessionId: null });
      expect(queries).toEqual([]);
      refusedWith(await user.get('/strict'), ['second_factor']);
      refusedWith(await user.del('/sessions?includeCurrent=true'), ['second_factor']);
      const stranger = presenting(node, `ids_${user.sessionId}.0.${'A'.repeat(43)}`);
      expectProblem(await stranger.get('/waiting'), 'SESSION_INVALID');
    });

    it('is taken where the second factor is asked for, and nowhere else of that controller', async () => {
      const user = await waiting('asked');
      expect((await user.get('/waiting')).body).toEqual({ status: 'pending', missing: ['second_factor'] });
      expectProblem(await presenting(node, 'ids_x').get('/waiting'), 'SESSION_INVALID');
    });

    it('becomes active with it, under a new token and at its new level; the old token is dead at once', async () => {
      const user = await waiting('complete');
      const before = user.token;
      const answer = await complete(user);
      expect({ status: answer.status, body: answer.body }).toEqual({
        status: 201,
        body: { status: 'active', missing: [], evicted: [], isNew: true },
      });
      expect(user.token).not.toBe(before);
      expect((await user.get('/second-factor')).body).toEqual({ assurance: 'aal2' });
      for (const path of ['/me', '/waiting'])
        expectProblem(await presenting(node, before).get(path), 'SESSION_INVALID');
      const { body } = await admin.get(`/admin/sessions/${user.sessionId}/events`);
      expect(body.items).toMatchObject([
        { type: 'created', version: 1, actor: 'complete' },
        { type: 'requirement_met', version: 2, reason: 'second_factor', actor: 'complete' },
        { type: 'activated', version: 3, reason: 'completed', actor: 'complete' },
      ]);
    });

    it('becomes active once, however often the same answer is sent', async () => {
      const user = await waiting('impatient');
      const { token } = user;
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => complete(presenting(node, token), { requirement: 'second_factor' })),
      );
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(await typesOf(user)).toEqual(['created', 'requirement_met', 'activated']);
    });

    it('lives for as long as it may wait, and begins to live anew once it is complete', async () => {
      const late = await waiting('late', { pending: { ...SECOND_FACTOR, timeLimitMs: 60_000 } });
      const user = await waiting('in-time', { pending: { ...SECOND_FACTOR, timeLimitMs: 60_000 } });
      await complete(user);
      const sessions = node.app.get(SessionService);
      const session = (await sessions.find(late.sessionId))!;
      await letTimePass(node, 61_000);
      // Not by the guard alone: nobody is told that it still waits for what it was just given.
      const given = sessions.complete(session, { requirement: 'second_factor' });
      await expect(given).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
      expectProblem(await late.get('/waiting'), 'SESSION_EXPIRED');
      expectProblem(await complete(late), 'SESSION_EXPIRED');
      expect(await user.alive()).toBe(200);
    });

    it('is part of the application’s transaction: what is rolled back leaves it waiting', async () => {
      const user = await waiting('transacted');
      const sessions = node.app.get(SessionService);
      const session = (await sessions.find(user.sessionId))!;
      const completeIn = (manager: EntityManager) =>
        sessions.complete(session, { requirement: 'second_factor', manager });
      const inOwn = node.app.get(DataSource);
      const undone = inOwn.transaction('READ COMMITTED', async (manager) => {
        expect((await completeIn(manager)).session.status).toBe('active');
        throw new Error('undone');
      });
      await expect(undone).rejects.toThrow('undone');
      refusedWith(await user.me(), ['second_factor']);
      await expect(inOwn.transaction('SERIALIZABLE', completeIn)).rejects.toMatchObject({ code: 'ISOLATION_LEVEL' });
      const { token } = await inOwn.transaction('READ COMMITTED', completeIn);
      expectProblem(await user.me(), 'SESSION_INVALID');
      expect(await presenting(node, token ?? '').alive()).toBe(200);
      expect(await typesOf(user)).toEqual(['created', 'requirement_met', 'activated']);
    });

    it('puts nobody out before it is complete, and then by the policy of the sign-in [row 39]', async () => {
      const roles = ['evict-oldest'];
      const old = await signedIn(node, { userId: 'owner', roles });
      const thief = await waiting('owner', { roles });
      expect(await old.alive()).toBe(200);
      const facts = { tenantId: null, clientId: null, deviceType: 'web', deviceId: null } as const;
      const next = await node.app.get(ConcurrentLoginStrategyService).simulate({ ...facts, userId: 'owner', roles });
      expect(next.sessions.map(({ id }) => id)).toEqual([old.sessionId]);
      expect((await complete(thief)).body).toMatchObject({ status: 'active', evicted: [old.sessionId] });
      expectProblem(await old.me(), 'SESSION_EVICTED');
      expect(await thief.alive()).toBe(200);
    });

    it('stays pending where the policy leaves no room, and what was met stays met', async () => {
      const roles = ['ask'];
      const old = await signedIn(node, { userId: 'asked-for', roles });
      const user = await waiting('asked-for', { roles });
      const asked = await complete(user);
      expectProblem(asked, 'SESSION_LIMIT_REACHED', ['sessions', 'ticket', 'mustEnd']);
      refusedWith(await user.me(), []);
      expect(await old.alive()).toBe(200);
      const answer = { ticket: asked.body.ticket, end: [old.sessionId] };
      expect((await complete(user, { answer })).body).toMatchObject({ status: 'active', evicted: [old.sessionId] });
    });

    it('gives way to later ones of the same user', async () => {
      const user = await waiting('often');
      for (let n = 0; n < 5; n += 1) await waiting('often');
      expectProblem(await user.me(), 'SESSION_REVOKED');
      expect(await typesOf(user)).toEqual(['created', 'rejected']);
    });

    it('can be given up by whoever began it', async () => {
      const user = await waiting('doubtful');
      expect((await user.del('/complete')).status).toBe(200);
      expectProblem(await user.get('/waiting'), 'SESSION_REVOKED');
    });

    it('tells what it waits for in an answer, and an active one does not', async () => {
      const user = await waiting('shown');
      const shown = await admin.get(`/admin/sessions/${user.sessionId}`);
      expect(shown.body).toMatchObject({
        status: 'pending',
        requirements: [{ name: 'second_factor', met: false, approvers: null, metBy: [] }],
      });
      await complete(user);
      expect((await admin.get(`/admin/sessions/${user.sessionId}`)).body).not.toHaveProperty('requirements');
    });
  });

  describe('a sign-in that others must approve', () => {
    it('waits for each in turn, and then for the client, whose token is replaced', async () => {
      const [first, second] = await Promise.all(BOSSES.map((userId) => signedIn(node, { userId })));
      const user = await waiting('clerk', { pending: FOUR_EYES });
      const approve = (by: Client | undefined) => act(by ?? admin, 'approve', user, { requirement: 'four_eyes' });
      expectProblem(await complete(user, { requirement: 'four_eyes' }), 'FORBIDDEN');
      expectProblem(await approve(admin), 'FORBIDDEN');
      expectProblem(await approve(await signedIn(node, { userId: 'nobody' })), 'FORBIDDEN');
      expectProblem(await approve(second), 'ILLEGAL_TRANSITION');
      expect((await approve(first)).body).toMatchObject({ status: 'pending' });
      expect((await approve(first)).status).toBe(200);
      refusedWith(await user.me(), ['four_eyes']);
      expect((await complete(user, {})).body).toMatchObject({ status: 'pending', isNew: false });
      const { status, body } = await approve(second);
      expect({ status, requirements: body.requirements }).toMatchObject({
        status: 200,
        requirements: [{ met: true, metBy: BOSSES.map((by) => ({ by })) }],
      });
      refusedWith(await user.me(), []);
      const before = user.token;
      expect((await complete(user, {})).body).toMatchObject({ status: 'active', isNew: true });
      expect(user.token).not.toBe(before);
      expect(await user.alive()).toBe(200);
      expect(await typesOf(user)).toEqual(['created', 'requirement_met', 'requirement_met', 'activated']);
      expectProblem(await approve(second), 'ILLEGAL_TRANSITION');
    });

    it('takes no approval of a namesake in another tenant, nor of whoever acts as an approver', async () => {
      const user = await waiting('clerk-2', { pending: FOUR_EYES });
      const impersonatedBy = { userId: 'clerk-2', tenantId: null };
      for (const more of [{ tenantId: 'elsewhere' }, { impersonatedBy }]) {
        const boss = await signedIn(node, { userId: 'boss-1', ...more });
        expectProblem(await act(boss, 'approve', user, { requirement: 'four_eyes' }), 'FORBIDDEN');
      }
      refusedWith(await user.me(), ['four_eyes']);
      expect(await typesOf(user)).toEqual(['created']);
      const own = await waiting('clerk-2', { pending: FOUR_EYES, tenantId: 'elsewhere' });
      const namesake = await signedIn(node, { userId: 'boss-1', tenantId: 'elsewhere' });
      expect((await act(namesake, 'approve', own, { requirement: 'four_eyes' })).status).toBe(200);
    });

    it('is rejected with who and why, and only while it is pending', async () => {
      const boss = await signedIn(node, { userId: 'boss-1' });
      const user = await waiting('unknown', { pending: FOUR_EYES });
      const rejected = await act(boss, 'reject', user, { reason: 'nobody I know' });
      expect(rejected.body).toMatchObject({ status: 'rejected', endReason: 'nobody I know', endedBy: 'boss-1' });
      expectProblem(await user.get('/waiting'), 'SESSION_REVOKED');
      for (const client of [user, admin]) {
        expectProblem(await act(boss, 'reject', client, { reason: 'again' }), 'ILLEGAL_TRANSITION');
      }
      expectProblem(await boss.get('/admin/sessions'), 'FORBIDDEN');
    });

    it('[row 46] takes what is asked for and nothing else, of sessions that there are', async () => {
      const user = await waiting('careful', { pending: FOUR_EYES });
      for (const body of [
        {},
        { requirement: '' },
        { requirement: 'other' },
        { requirement: 'four_eyes', by: 'boss-1' },
      ]) {
        expectProblem(await act(admin, 'approve', user, body), 'VALIDATION_FAILED', ['errors']);
      }
      for (const body of [{}, { reason: '' }, { reason: 'x', status: 'active' }]) {
        expectProblem(await act(admin, 'reject', user, body), 'VALIDATION_FAILED', ['errors']);
      }
      for (const id of ['019a9d4e-6c1b-7c55-9a3e-2f0d6a4b8c11', 'x', '%00']) {
        expectProblem(await admin.post(`/admin/sessions/${id}/approve`, { requirement: 'x' }), 'SESSION_NOT_FOUND');
        expectProblem(await admin.post(`/admin/sessions/${id}/reject`, { reason: 'x' }), 'SESSION_NOT_FOUND');
      }
    });

    it('is refused where nobody could ever complete it', async () => {
      const approvers = (of: string[], mode = 'any') => [{ name: 'x', approvers: { mode, of } }];
      const twice = [{ name: 'x' }, { name: 'x' }];
      for (const requirements of [
        [],
        twice,
        [{ name: '' }],
        approvers([]),
        approvers(['a', 'a']),
        approvers(['a'], 'most'),
      ]) {
        const pending = { requirements } as NonNullable<SignInRequest['pending']>;
        const signIn = node.app.get(SessionService).signIn({ userId: 'stuck', pending });
        await expect(signIn).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
      }
      const pending = { ...SECOND_FACTOR, timeLimitMs: 0 };
      const signIn = node.app.get(SessionService).signIn({ userId: 'stuck', pending });
      await expect(signIn).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
      expect(await sql(node, `SELECT 1 FROM identity_session WHERE user_id = 'stuck'`)).toEqual([]);
    });
  });

  describe('a suspended session', () => {
    it('changes by its resumption and its end alone', async () => {
      const [user, other] = [await signedIn(node, { userId: 'iced' }), await signedIn(node, { userId: 'iced' })];
      const sessions = node.app.get(SessionService);
      const session = (await sessions.find(user.sessionId))!;
      await act(admin, 'suspend', user, { reason: 'odd' });
      expectProblem(await other.patch(`/sessions/${user.sessionId}`, { deviceName: 'mine' }), 'SESSION_SUSPENDED');
      for (const change of [
        sessions.rotate(session, { reason: 'x' }),
        sessions.elevate(session, { assurance: 'aal2' }),
        sessions.complete(session, { requirement: 'second_factor' }),
        sessions.reject(session, { reason: 'x', by: null }),
      ]) {
        await expect(change).rejects.toMatchObject({ code: 'SESSION_SUSPENDED' });
      }
      expect(await typesOf(user)).toEqual(['created', 'suspended']);
      await act(admin, 'resume', user, {});
      expect(await user.alive()).toBe(200);
    });

    it('is told of to a rotation that was under way when it was suspended', async () => {
      const user = await signedIn(node, { userId: 'overtaken' });
      const sessions = node.app.get(SessionService);
      const session = (await sessions.find(user.sessionId))!;
      let rotating: Promise<unknown> | undefined;
      await node.app.get(DataSource).transaction(async (manager) => {
        const note = { reason: 'odd', by: 'admin', manager };
        await node.app.get(SessionAdminService).suspend(user.sessionId, note);
        rotating = expect(sessions.rotate(session, { reason: 'x' })).rejects.toMatchObject({
          code: 'SESSION_SUSPENDED',
        });
        await eventually(async () => {
          const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
          return (await sql(node, waiting)).length > 0;
        });
      });
      await rotating;
    });

    it('that has given its slot up comes back by the policy alone', async () => {
      const roles = ['reject'];
      const sessions = node.app.get(SessionAdminService);
      const user = await signedIn(node, { userId: 'asleep', roles });
      const note = { reason: 'asleep', by: 'admin' };
      expect((await sessions.suspend(user.sessionId, { ...note, slot: 'free' }))?.status).toBe('suspended');
      const next = await signedIn(node, { userId: 'asleep', roles });
      const refused = sessions.resume(user.sessionId, { ...note, roles });
      await expect(refused).rejects.toMatchObject({ code: 'SESSION_LIMIT_REACHED' });
      const outside = { ...note, roles, scope: { kind: 'tenant', tenantId: 'x' } } as const;
      expect(await sessions.resume(user.sessionId, outside)).toBe(undefined);
      // By no roles this policy would know no limit.
      await expect(sessions.resume(user.sessionId, note)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
      expectProblem(await act(admin, 'resume', user, {}), 'VALIDATION_FAILED', ['errors']);
      expect(await sessions.resume(user.sessionId, { ...note, scope: outside.scope })).toBe(undefined);
      expectProblem(await user.me(), 'SESSION_SUSPENDED');
      await sessions.revoke(next.sessionId, note);
      expect((await sessions.resume(user.sessionId, { ...note, roles }))?.status).toBe('active');
      forget(node);
      expect(await user.alive()).toBe(200);
    });
  });
});
