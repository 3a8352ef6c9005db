import { Injectable, type LoggerService } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AccountEvents,
  type NoticeWording,
  SessionAdminService,
  type SessionHooks,
  type SessionNotice,
  SessionService,
  type SignInInput,
} from 'nestjs-identity-session';
import { InMemorySessionStore } from 'nestjs-identity-session/testing';
import { asOneLine, englishNotice, parametersOf } from '../../libs/session/src/nest/notices/notice-text.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/app.js';
import { until } from './support/until.js';

let given: SessionNotice[] = [];
let deal: (notice: SessionNotice) => unknown = () => undefined;
let word: NoticeWording = englishNotice;

@Injectable()
class Mail implements SessionHooks {
  onNotice(notice: SessionNotice): unknown {
    given.push(notice);
    return deal(notice);
  }
}

const quiet: LoggerService = { log: () => undefined, warn: () => undefined, error: () => undefined };
const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36';
const NEWER_CHROME = CHROME.replace('131', '132');
const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1';

describe('notices to users', () => {
  let app: TestApp;
  let other: TestApp;
  let people = 0;

  const start = (more: TestAppOptions = {}) =>
    startTestApp({
      logger: quiet,
      extras: { hooks: [Mail] },
      options: {
        listeners: { retryMs: 1, leaseMs: 60_000 },
        tailIntervalMs: 50,
        undo: { windowMs: 600_000 },
        notices: { message: (facts) => word(facts) },
        policy: [{ scope: 'deviceType', limit: { desktop: 1 }, whenFull: 'evict-oldest' }],
      },
      ...more,
    });

  beforeAll(async () => {
    app = await start();
    other = await start({ joins: app });
  });
  afterAll(async () => {
    await other.close();
    await app.close();
  });
  beforeEach(() => {
    given = [];
    deal = () => undefined;
    word = englishNotice;
  });

  const signIn = async (input: Partial<SignInInput> & { userId: string }) =>
    (await app.app.get(SessionService).signIn({ userAgent: CHROME, ...input })).session;
  const user = (): string => `user ${(people += 1)}`;
  const admin = () => app.app.get(SessionAdminService);
  /** Once whatever was written so far has been told, on either node. */
  const settled = async (): Promise<SessionNotice[]> => {
    const marker = `marker ${user()}`;
    await signIn({ userId: marker });
    await until('the marker is told', () => given.some(({ userId }) => userId === marker));
    return given.filter(({ userId }) => !userId.startsWith('marker'));
  };
  const keysOf = (notices: readonly SessionNotice[]): string[] => notices.map(({ key }) => key);

  it('tell of a sign-in from a device that the user was not seen on, once over all nodes', async () => {
    const userId = user();
    const first = await signIn({ userId, deviceName: 'Desk', ip: '203.0.113.9', data: { card: 'private' } });
    await signIn({ userId, userAgent: NEWER_CHROME });
    const second = await signIn({ userId, userAgent: PHONE });
    const notices = await settled();
    expect(notices.map(({ kind, session, isFirst }) => [kind, session?.id, isFirst])).toEqual([
      ['new_device', first.id, true],
      ['new_device', second.id, false],
    ]);
    expect(new Set(notices.map(({ id }) => id)).size).toBe(2);
    expect(notices[0]).toMatchObject({
      ...{ userId, tenantId: null, reason: null, subject: 'New sign-in to your account' },
      text: expect.stringMatching(/\n\nDevice: Desk\nPlace: 203\.0\.113\.9\nTime: \d{4}-\d\d-\d\d \d\d:\d\d UTC\n\n/),
      session: { userAgent: CHROME, ip: '203.0.113.9' },
    });
    expect(JSON.stringify(notices)).not.toContain('private');
  });

  it('go by the ids that the application gives devices, and take no revoked session for a reference', async () => {
    const userId = user();
    await signIn({ userId, deviceId: 'laptop' });
    await signIn({ userId, deviceId: 'laptop', userAgent: PHONE });
    const strange = await signIn({ userId, deviceId: 'strange' });
    await admin().revoke(strange.id, { reason: 'stolen', by: 'root' });
    await signIn({ userId, deviceId: 'strange' });
    expect(keysOf(await settled())).toEqual(['new_device', 'new_device', 'ended.other', 'new_device']);
  });

  it('tell of ends by others with their reason, and of none that users cause themselves', async () => {
    const userId = user();
    const own = await signIn({ userId });
    const lost = await signIn({ userId });
    const kept = await signIn({ userId, deviceType: 'desktop' });
    await signIn({ userId, deviceType: 'desktop' });
    await admin().revoke(own.id, { reason: 'ended_by_user', by: userId });
    await admin().revoke(lost.id, { reason: 'looks\r\nodd', by: 'root' });
    await app.app.get(AccountEvents).passwordChanged({ userId, by: userId });
    const notices = (await settled()).filter(({ kind }) => kind === 'ended');
    expect(keysOf(notices)).toEqual(['ended.limit', 'ended.other', 'ended.account']);
    expect(notices[0]).toMatchObject({ session: { id: kept.id }, reason: 'limit_reached' });
    expect(notices[1]).toMatchObject({
      session: { id: lost.id },
      actor: 'root',
      reason: expect.stringContaining('odd'),
    });
    expect(`${notices[1]?.subject} ${notices[1]?.text}`).not.toContain('odd');
    expect(notices[2]).toMatchObject({ reason: 'password_changed', actor: userId });
  });

  it('tell of a cut-off of the user once, also when what it has ended is written down', async () => {
    const userId = user();
    await signIn({ userId });
    await signIn({ userId });
    await admin().cutOff({ userId, reason: 'stolen laptop', by: 'root' });
    await signIn({ userId });
    const notices = (await settled()).filter(({ kind }) => kind === 'ended');
    expect(notices).toMatchObject([{ key: 'ended.all', session: null, reason: 'stolen laptop', actor: 'root' }]);
  });

  it('tell of a sign-in that waits when approval is asked, and as a new device when it is complete', async () => {
    const userId = user();
    const factor = await signIn({ userId, pending: { requirements: [{ name: 'code' }] } });
    const boss = { mode: 'any', of: ['boss'] } as const;
    await signIn({ userId, pending: { requirements: [{ name: 'four_eyes', approvers: boss }] } });
    expect(await settled()).toMatchObject([{ kind: 'approval_asked', approvers: ['boss'] }]);
    await app.app.get(SessionService).complete(factor, { requirement: 'code' });
    expect(keysOf(await settled())).toEqual(['approval_asked', 'new_device']);
  });

  it('tell of no new device where a revoked session is restored', async () => {
    const userId = user();
    const sessions = app.app.get(SessionService);
    const { session, token } = await sessions.signIn({ userId, userAgent: CHROME });
    const note = { reason: 'mistake', by: 'root' };
    await admin().revoke(session.id, note);
    await admin().undo(session.id, note);
    await sessions.restore({ request: { headers: { authorization: `Bearer ${token}` } } });
    expect(keysOf(await settled())).toEqual(['new_device', 'ended.other']);
  });

  it('leave out what others do in the name of a user', async () => {
    const userId = user();
    const session = await signIn({ userId, impersonatedBy: { userId: 'support', tenantId: null } });
    await admin().revoke(session.id, { reason: 'done', by: 'root' });
    expect(await settled()).toEqual([]);
  });

  it('come again with the same id where a hook fails', async () => {
    const userId = user();
    deal = () => (given.length === 1 ? Promise.reject(new Error('no mail')) : undefined);
    await signIn({ userId });
    const notices = await settled();
    expect(notices).toHaveLength(2);
    expect(notices[1]).toEqual(notices[0]);
  });

  it('are put into words by the application, as one line of subject', async () => {
    const userId = user();
    word = () => ({ subject: `Hallo\r\nBcc: ${userId}`, text: 'Neu.' });
    await signIn({ userId });
    expect(await settled()).toMatchObject([{ userId, subject: `Hallo Bcc: ${userId}`, text: 'Neu.' }]);
  });

  it('need the PostgreSQL store', async () => {
    await expect(start({ joins: app, options: { store: new InMemorySessionStore() } })).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
  });

  it.each([
    'https://evil.example',
    'evil.example',
    'a\r\nBcc: b',
    '<b>x</b>',
    'call 0800 123 4567 now',
    '\u202Efdp.exe',
    'x'.repeat(100),
    '',
  ])('do not repeat what a device calls itself: %j', (deviceName) => {
    const session = { deviceName, deviceType: 'mobile', ip: 'not an address', location: deviceName } as never;
    expect(parametersOf(session, new Date(0))).toEqual({
      device: 'a phone or tablet',
      place: '',
      time: '1970-01-01 00:00 UTC',
    });
  });

  it('do not repeat the zone of an address', () => {
    const session = { deviceName: null, deviceType: 'mobile', ip: 'fe80::1%www.evil.example', location: null } as never;
    expect(parametersOf(session, new Date(0)).place).toBe('');
  });

  it.each([
    ["Anna's iPhone 15", 'Berlin, DE'],
    ['Büro-Rechner (alt)', 'København'],
  ])('repeat a name: %s', (deviceName, location) => {
    const session = { deviceName, deviceType: 'mobile', ip: '2001:db8::1', location } as never;
    expect(parametersOf(session, new Date(0))).toMatchObject({ device: deviceName, place: `${location}, 2001:db8::1` });
  });

  it('keep a subject on one line', () => {
    expect(asOneLine('a\r\nb\u2028c\0 d ')).toBe('a b c d');
  });
});
