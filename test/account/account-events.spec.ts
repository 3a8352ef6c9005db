import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AccountEffect, AccountEvents, type Session, SessionService } from 'nestjs-identity-session';
import { DataSource } from 'typeorm';
import { startTestApp, type TestApp } from '../support/app.js';

const EVENTS = ['passwordChanged', 'factorChanged', 'roleChanged', 'lockedOut', 'disabled', 'deleted'] as const;

/** What becomes of the session that it is done in, and of another. */
const OUTCOMES: Readonly<Record<AccountEffect, readonly [own: string, other: string, rotated: boolean]>> = {
  'end-all': ['revoked', 'revoked', false],
  'end-others': ['active', 'revoked', true],
  rotate: ['active', 'active', true],
  'refresh-data': ['active', 'active', false],
};

let node: TestApp;
let other: TestApp;

beforeAll(async () => {
  node = await startTestApp({});
  other = await startTestApp({
    joins: node,
    options: { accountEvents: { passwordChanged: 'rotate', disabled: 'refresh-data', roleChanged: 'end-others' } },
  });
});
afterAll(async () => {
  await other.close();
  await node.close();
});

let users = 0;
/** Two sessions of one user, with their tokens. */
async function two(app: TestApp, tenantId: string | null = null) {
  const userId = `user ${(users += 1)}`;
  const signIn = () => app.app.get(SessionService).signIn({ userId, tenantId });
  return { userId, tenantId, own: await signIn(), another: await signIn() };
}
const statusOf = async (app: TestApp, { id }: Session) => (await app.app.get(SessionService).find(id))?.status;
const answerOf = async (app: TestApp, token: string) =>
  (await fetch(`${app.url}/sessions/current`, { headers: { Authorization: `Bearer ${token}` } })).status;

describe('what happens to an account', () => {
  it.each([
    ['passwordChanged', 'end-others'],
    ['factorChanged', 'end-others'],
    ['roleChanged', 'refresh-data'],
    ['lockedOut', 'end-all'],
    ['disabled', 'end-all'],
    ['deleted', 'end-all'],
  ] as const)('%s has the effect %s by default', async (event, effect) => {
    const { own, another, ...subject } = await two(node, 'acme');
    const result = await node.app.get(AccountEvents)[event]({ ...subject, session: own.session });
    const [ownStatus, otherStatus, rotates] = OUTCOMES[effect];
    expect(await statusOf(node, own.session)).toBe(ownStatus);
    expect(await statusOf(node, another.session)).toBe(otherStatus);
    expect(result.rotated !== null).toBe(rotates);
    expect(await answerOf(node, own.token)).toBe(rotates || ownStatus === 'revoked' ? 401 : 200);
    if (result.rotated !== null) expect(await answerOf(node, result.rotated.token)).toBe(200);
    expect(result.ended).toBe([ownStatus, otherStatus].filter((status) => status === 'revoked').length);
  });

  it('has the effect that is configured', async () => {
    const events = other.app.get(AccountEvents);
    const password = await two(other);
    expect(await events.passwordChanged({ ...password, session: password.own.session })).toMatchObject({
      ended: 0,
      rotated: { session: { id: password.own.session.id } },
    });
    expect(await answerOf(other, password.another.token)).toBe(200);
    const disabled = await two(other);
    expect(await events.disabled(disabled)).toEqual({ ended: 0, refreshed: 0, rotated: null });
    const role = await two(other);
    // An administrator did it: there is no session of the user’s that goes on.
    expect(await events.roleChanged({ ...role, by: 'admin' })).toEqual({ ended: 2, refreshed: 0, rotated: null });
  });

  it('refreshes the data of every session that goes on, and ends none of another user or tenant', async () => {
    const mine = await two(node, 'acme');
    const namesake = await node.app.get(SessionService).signIn({ userId: mine.userId, tenantId: 'other' });
    const events = node.app.get(AccountEvents);
    const subject = { userId: mine.userId, tenantId: 'acme' };
    expect(await events.roleChanged({ ...subject, by: 'admin', data: { role: 'auditor' } })).toEqual({
      ended: 0,
      refreshed: 2,
      rotated: null,
    });
    const found = await node.app.get(SessionService).find(mine.another.session.id);
    expect(found?.data).toEqual({ role: 'auditor' });
    await events.deleted(subject);
    expect(await statusOf(node, namesake.session)).toBe('active');
    expect((await node.app.get(SessionService).find(namesake.session.id))?.data).toEqual({});
  });

  it('says why and who in the history', async () => {
    const { own, another, ...subject } = await two(node);
    await node.app.get(AccountEvents).lockedOut({ ...subject, by: 'guard-dog' });
    await node.app.get(AccountEvents).deleted(subject);
    for (const { session } of [own, another]) {
      expect(await node.app.get(SessionService).find(session.id)).toMatchObject({
        endReason: 'account_locked',
        endedBy: 'guard-dog',
      });
    }
  });

  it('is taken back with the transaction that it is part of', async () => {
    const { own, another, ...subject } = await two(node);
    const failing = node.app.get(DataSource).transaction(async (manager) => {
      await node.app
        .get(AccountEvents)
        .passwordChanged({ ...subject, session: own.session, data: { since: 'now' }, manager });
      throw new Error('the password could not be stored');
    });
    await expect(failing).rejects.toThrow('could not be stored');
    expect(await answerOf(node, own.token)).toBe(200);
    expect(await answerOf(node, another.token)).toBe(200);
    expect((await node.app.get(SessionService).find(own.session.id))?.data).toEqual({});
  });

  it('refuses the session of somebody else before anything is done', async () => {
    const victim = await two(node);
    const { own } = await two(node);
    for (const event of EVENTS) {
      const refused = node.app.get(AccountEvents)[event]({ userId: victim.userId, session: own.session });
      await expect(refused).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    }
    expect(await statusOf(node, victim.own.session)).toBe('active');
  });
});
