import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AccountEvents,
  type AdministrationAction,
  type ProtectedSessionAccessPolicy,
  type Session,
  type SessionAccessPolicy,
  SessionAdminService,
  SessionJobs,
  type SessionScope,
  SessionService,
} from 'nestjs-identity-session';
import { CutOffs } from '../../libs/session/src/sync/cut-offs.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Answer, Client, presenting, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { eventually, MUTE } from './support/time.js';

const REASON = { reason: 'incident_7' };
/** What a job needs a second approver for. */
const DELICATE = 'delicate';

/** `admin`: everybody; `chief…`: protected ones too; `half`: of protected ones those of acme; `acme`: that tenant alone. */
class Rules implements SessionAccessPolicy, ProtectedSessionAccessPolicy {
  scopeFor({ userId }: Session, _action: AdministrationAction): SessionScope | null {
    if (userId === 'acme') return { kind: 'tenant', tenantId: 'acme' };
    return userId === 'admin' || userId === 'half' || isChief(userId) ? { kind: 'all' } : null;
  }

  protectedScopeFor({ userId }: Session): SessionScope | null {
    if (userId === 'half') return { kind: 'tenant', tenantId: 'acme' };
    return isChief(userId) ? { kind: 'all' } : null;
  }
}

const isChief = (userId: string): boolean => userId.startsWith('chief');

let node: TestApp;
let other: TestApp;
let admin: Client;
let chief: Client;
let half: Client;

beforeAll(async () => {
  node = await startTestApp({
    extras: { accessPolicy: Rules },
    options: { jobs: { secondApprover: ({ reason }) => reason === DELICATE } },
  });
  other = await startTestApp({ joins: node, extras: { accessPolicy: Rules }, options: MUTE });
  admin = await signedIn(node, { userId: 'admin' });
  chief = await signedIn(node, { userId: 'chief' });
  half = await signedIn(node, { userId: 'half' });
});
afterAll(async () => {
  await other.close();
  await node.close();
});

interface Two {
  readonly userId: string;
  readonly tenantId: string | null;
  readonly ordinary: Client;
  readonly guarded: Client;
}

/** Two sessions of one user, one of them protected; both are in the memory of the node that they are asked on. */
async function two(tenantId: string | null = null, at = node): Promise<Two> {
  const input = { userId: randomUUID(), tenantId, transport: 'bearer' } as const;
  const ordinary = await signedIn(node, input);
  const { session, token } = await node.app.get(SessionService).signIn({ ...input, protected: true });
  const guarded = presenting(at, token);
  guarded.sessionId = session.id;
  expect(await guarded.alive()).toBe(200);
  expect(await ordinary.alive()).toBe(200);
  return { userId: input.userId, tenantId, ordinary, guarded };
}

const alive = async (...clients: Client[]) =>
  Promise.all(clients.map(async (client) => (await client.alive()) === 200));
const end = (by: Client, { sessionId }: Client): Promise<Answer> => by.del(`/admin/sessions/${sessionId}`);

describe('a protected session', () => {
  it('is shown as one, and no other has the key', async () => {
    const { guarded, ordinary } = await two();
    const { body } = await guarded.get('/sessions');
    const shown = body.items.map(({ id, ...json }) => [id, 'protected' in json && json.protected]);
    expect(Object.fromEntries(shown)).toEqual({ [guarded.sessionId]: true, [ordinary.sessionId]: false });
    expect((await admin.get(`/admin/sessions/${guarded.sessionId}`)).body['protected']).toBe(true);
    expect((await ordinary.get('/sessions/current')).body).not.toHaveProperty('protected');
  });

  it('[row 44] is ended and suspended by those alone who have the right, and nobody else changes anything', async () => {
    const { userId, guarded } = await two('other');
    const stranger = await signedIn(node, { userId: 'acme', tenantId: 'acme' });
    for (const by of [admin, half]) {
      expectProblem(await end(by, guarded), 'SESSION_PROTECTED');
      expectProblem(await by.del(`/admin/users/${userId}/sessions/${guarded.sessionId}`), 'SESSION_PROTECTED');
      expectProblem(await by.post(`/admin/sessions/${guarded.sessionId}/suspend`, REASON), 'SESSION_PROTECTED');
    }
    // Who may not see it is told nothing of it.
    expectProblem(await end(stranger, guarded), 'SESSION_NOT_FOUND');
    expectProblem(await stranger.post(`/admin/sessions/${guarded.sessionId}/suspend`, REASON), 'SESSION_NOT_FOUND');
    expectProblem(await admin.del(`/admin/users/another/sessions/${guarded.sessionId}`), 'SESSION_NOT_FOUND');
    expect(await alive(guarded)).toEqual([true]);
    expect((await chief.post(`/admin/sessions/${guarded.sessionId}/suspend`, REASON)).status).toBe(200);
    expectProblem(await guarded.me(), 'SESSION_SUSPENDED');
    expectProblem(await end(admin, guarded), 'SESSION_PROTECTED');
    expect((await admin.post(`/admin/sessions/${guarded.sessionId}/resume`, {})).status).toBe(200);
    expect((await end(chief, guarded)).status).toBe(204);
    expectProblem(await guarded.me(), 'SESSION_REVOKED');
    expectProblem(await end(admin, guarded), 'SESSION_NOT_FOUND');
    const acme = await two('acme');
    expect((await end(half, acme.guarded)).status).toBe(204);
  });

  it('that is pending is rejected by those alone', async () => {
    const pending = { requirements: [{ name: 'otp' }] };
    const { session } = await node.app.get(SessionService).signIn({ userId: randomUUID(), protected: true, pending });
    const path = `/admin/sessions/${session.id}/reject`;
    expectProblem(await admin.post(path, REASON), 'SESSION_PROTECTED');
    expect((await node.app.get(SessionService).find(session.id))?.status).toBe('pending');
    expect((await chief.post(path, REASON)).body).toMatchObject({ status: 'rejected', protected: true });
  });

  it('is left by itself, and ended by none of its user’s others', async () => {
    const { userId, ordinary, guarded } = await two();
    expectProblem(await ordinary.del(`/sessions/${guarded.sessionId}`), 'SESSION_PROTECTED');
    const third = await signedIn(node, { userId, transport: 'bearer' });
    expect((await ordinary.del('/sessions')).body).toEqual({ revoked: 1 });
    expect(await alive(guarded, third)).toEqual([true, false]);
    expect((await guarded.del('/sessions?includeCurrent=true')).body).toEqual({ revoked: 2 });
    expect(await alive(guarded, ordinary)).toEqual([false, false]);
    const next = await two();
    expect((await next.guarded.del(`/sessions/${next.guarded.sessionId}`)).status).toBe(204);
    const last = await two();
    expect((await last.guarded.del('/sign-out')).status).toBe(200);
    expect(await alive(next.guarded, last.guarded)).toEqual([false, false]);
  });
});

describe('many at once', () => {
  it('[row 28] spares protected sessions unless asked, by whoever has the right', async () => {
    const { userId, ordinary, guarded } = await two('acme');
    const far = await two('other');
    const revoke = (by: Client, body: object = {}) =>
      by.post('/admin/sessions/revoke', { filter: { userId }, ...REASON, ...body });
    expectProblem(await revoke(admin, { includeProtected: true }), 'FORBIDDEN');
    expect(await alive(ordinary, guarded)).toEqual([true, true]);
    expect((await revoke(admin, { dryRun: true })).body).toMatchObject({ matched: 1 });
    expect((await revoke(admin)).body).toEqual({ matched: 1, revoked: 1, more: false });
    expect((await revoke(chief)).body).toMatchObject({ revoked: 0 });
    expect(await alive(ordinary, guarded)).toEqual([false, true]);
    expect((await revoke(chief, { includeProtected: true, dryRun: true })).body).toMatchObject({ matched: 1 });
    expect((await revoke(half, { includeProtected: true })).body).toMatchObject({ revoked: 1 });
    expect(await alive(guarded)).toEqual([false]);
    const beyond = { includeProtected: true, filter: { userId: far.userId } };
    expect((await revoke(half, beyond)).body).toMatchObject({ revoked: 1 });
    expect(await alive(far.ordinary, far.guarded)).toEqual([false, true]);
  });

  it('spares them among all sessions of a user', async () => {
    const { userId, ordinary, guarded } = await two();
    const path = `/admin/users/${userId}/sessions`;
    expectProblem(await admin.del(`${path}?includeProtected=true`), 'FORBIDDEN');
    expect((await admin.del(path)).body).toEqual({ revoked: 1 });
    expect(await alive(ordinary, guarded)).toEqual([false, true]);
    expect((await chief.del(`${path}?includeProtected=true`)).body).toEqual({ revoked: 1 });
    expect(await alive(guarded)).toEqual([false]);
  });

  it('of a job is approved by whoever has the right to its protected sessions, and stopped by any who sees it', async () => {
    const { userId, guarded } = await two('acme');
    const second = await signedIn(node, { userId: 'chief-2' });
    const ask = async () => {
      const asked = { kind: 'revoke', filter: { userId }, reason: DELICATE, includeProtected: true };
      const { body } = await chief.post('/admin/jobs', asked);
      expect(body.status).toBe('awaiting_approval');
      return `/admin/jobs/${body.id}`;
    };
    const job = await ask();
    for (const by of [admin, half]) expectProblem(await by.post(`${job}/approve`, {}), 'FORBIDDEN');
    expect(await alive(guarded)).toEqual([true]);
    expect((await second.post(`${job}/approve`, {})).status).toBe(200);
    await eventually(async () => (await guarded.alive()) === 401);
    expect((await admin.post(`${await ask()}/cancel`, {})).status).toBe(200);
  });

  it('is the same in a job, which tells that it includes them', async () => {
    const { userId, ordinary, guarded } = await two();
    const start = (by: Client, kind: string, body: object = {}) =>
      by.post('/admin/jobs', { kind, filter: { userId }, ...REASON, ...body });
    const over = async ({ body }: Answer): Promise<Answer['body']> => {
      let now = body;
      await eventually(async () => {
        ({ body: now } = await chief.get(`/admin/jobs/${body.id}`));
        return now['finishedAt'] !== null;
      });
      return now;
    };
    expectProblem(await start(admin, 'suspend', { includeProtected: true }), 'FORBIDDEN');
    const spared = await over(await start(admin, 'suspend'));
    expect(spared).toMatchObject({ matched: 1, changed: 1, skipped: 0 });
    expect(spared).not.toHaveProperty('includeProtected');
    // Whichever node it was.
    await eventually(async () => (await ordinary.alive()) === 423);
    expect(await alive(guarded)).toEqual([true]);
    const meant = await over(await start(chief, 'revoke', { includeProtected: true }));
    expect(meant).toMatchObject({ matched: 2, changed: 2, includeProtected: true, filter: { userId } });
    await eventually(async () => (await guarded.alive()) === 401);
    expectProblem(await guarded.me(), 'SESSION_REVOKED');
  });

  it('by code is asked for in the same way', async () => {
    const administration = node.app.get(SessionAdminService);
    const { userId, guarded } = await two();
    const note = { ...REASON, by: null };
    await expect(administration.revoke(guarded.sessionId, note)).rejects.toMatchObject({ code: 'SESSION_PROTECTED' });
    await expect(administration.suspend(guarded.sessionId, note)).rejects.toMatchObject({ code: 'SESSION_PROTECTED' });
    expect(await administration.revokeAll({ ...note, filter: { userId } })).toEqual({ revoked: 1 });
    const { matched } = await node.app
      .get(SessionJobs)
      .start({ ...note, kind: 'revoke', filter: { userId }, dryRun: true });
    expect(matched).toBe(0);
    expect((await administration.revoke(guarded.sessionId, { ...note, includeProtected: true }))?.isProtected).toBe(
      true,
    );
  });
});

describe('a cut-off', () => {
  const cutOff = (by: Client, body: object) => by.post('/admin/cut-offs', { ...REASON, ...body });

  it('[row 28] spares protected sessions on every node, unless asked by whoever has the right to all of them', async () => {
    const here = await two('acme');
    const there = await two('acme', other);
    for (const each of [here, there]) {
      expect((await cutOff(admin, { userId: each.userId })).status).toBe(201);
      expectProblem(await cutOff(admin, { userId: each.userId, includeProtected: true }), 'FORBIDDEN');
      // Of any tenant: more than their right to protected ones has.
      expectProblem(await cutOff(half, { userId: each.userId, includeProtected: true }), 'FORBIDDEN');
    }
    expect(await alive(here.ordinary, here.guarded, there.ordinary)).toEqual([false, true, false]);
    // The other node has heard of the cut-off before its session is asked for.
    const cutOffs = other.app.get(CutOffs, { strict: false });
    const issued = { tenantId: 'acme', userId: there.userId, createdAt: 0 };
    await eventually(() => cutOffs.covers({ ...issued, isProtected: false }));
    expect(cutOffs.covers({ ...issued, isProtected: true })).toBe(false);
    expect(await alive(there.guarded)).toEqual([true]);
    for (const { userId, guarded } of [here, there]) {
      const asked = { tenantId: 'acme', userId, includeProtected: true };
      expect((await cutOff(half, asked)).status).toBe(201);
      await eventually(async () => (await guarded.alive()) === 401);
      expectProblem(await guarded.me(), 'SESSION_REVOKED');
    }
  });

  it('that follows without the right revives nothing of what one with it has ended, nor ends more', async () => {
    const { userId, guarded } = await two();
    const far = await two(null, other);
    await cutOff(chief, { userId, includeProtected: true });
    await cutOff(chief, { userId: far.userId, includeProtected: true });
    const next = await node.app.get(SessionService).signIn({ userId, protected: true });
    for (const each of [userId, far.userId]) await cutOff(admin, { userId: each });
    expect(await alive(guarded, presenting(node, next.token))).toEqual([false, true]);
    await eventually(async () => (await far.guarded.alive()) === 401);
    const late = await startTestApp({ joins: node });
    try {
      const tokens = [guarded.bearer ?? '', next.token];
      expect(await alive(...tokens.map((token) => presenting(late, token)))).toEqual([false, true]);
    } finally {
      await late.close();
    }
  });
});

describe('the limit', () => {
  it('is held by any number of sign-ins at once, none of which ends a protected session', async () => {
    const strict = await startTestApp({
      joins: node,
      options: { policy: [{ scope: 'subject', limit: 3, whenFull: 'evict-oldest' }] },
    });
    try {
      const userId = randomUUID();
      const sessions = strict.app.get(SessionService);
      const guarded = [
        await sessions.signIn({ userId, protected: true }),
        await sessions.signIn({ userId, protected: true }),
      ];
      await Promise.all(Array.from({ length: 12 }, () => sessions.signIn({ userId })));
      const live = await sessions.list({ userId, tenantId: null });
      expect(live).toHaveLength(3);
      expect(live.filter(({ isProtected }) => isProtected)).toHaveLength(2);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 6 }, () => sessions.signIn({ userId, protected: true })),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expectProblem(await new Client(strict.url).signIn({ userId }), 'SESSION_LIMIT_REACHED');
      const left = await sessions.list({ userId, tenantId: null });
      expect(left.map(({ isProtected }) => isProtected)).toEqual([true, true, true]);
      const ids = left.map(({ id }) => id);
      expect(guarded.every(({ session }) => ids.includes(session.id))).toBe(true);
    } finally {
      await strict.close();
    }
  });
});

describe('what happens to an account', () => {
  it('reaches protected sessions too, unless it is told not to', async () => {
    const events = node.app.get(AccountEvents);
    const { userId, ordinary, guarded } = await two();
    expect(await events.lockedOut({ userId, includeProtected: false })).toMatchObject({ ended: 1 });
    expect(await alive(ordinary, guarded)).toEqual([false, true]);
    expect(await events.disabled({ userId })).toMatchObject({ ended: 1 });
    expect(await alive(guarded)).toEqual([false]);
  });
});
