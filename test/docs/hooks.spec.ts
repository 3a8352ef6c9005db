import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FactoryProvider, Global, type INestApplicationContext, type LoggerService, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  IdentitySessionModule,
  type IdentitySessionOptions,
  SessionAdminService,
  SessionIds,
  SessionChecker,
  type SessionEvent,
  SessionService,
} from 'nestjs-identity-session';
import { until } from '../hooks/support/until.js';
import { sessionDatabase } from '../support/session-database.js';
import {
  AccountHooks,
  Accounts,
  AuditListener,
  AuditTrail,
  Mailer,
  idCodecs,
  marked,
  NoticesByMail,
  PartyLine,
  Presence,
  Uploads,
  withWebhooks,
} from './hooks.js';

const locked = new Set<string>();
const signedIn: [userId: string, ip: string | null][] = [];
const audited = new Map<string, SessionEvent>();
let isTrailBroken = false;
const mails: { id: string; to: string; subject: string; text: string }[] = [];

@Global()
@Module({
  providers: [
    {
      provide: Accounts,
      useValue: {
        isLocked: (userId: string) => Promise.resolve(locked.has(userId)),
        noteSignIn: (userId: string, ip: string | null) => {
          signedIn.push([userId, ip]);
          return Promise.resolve();
        },
      },
    },
    {
      provide: AuditTrail,
      useValue: {
        addOnce: (id: string, event: SessionEvent) => {
          if (isTrailBroken) return Promise.reject(new Error('the trail is full'));
          audited.set(id, event);
          return Promise.resolve();
        },
      },
    },
    {
      provide: Mailer,
      useValue: {
        sendOnce: (id: string, mail: { to: string; subject: string; text: string }) => {
          if (!mails.some((sent) => sent.id === id)) mails.push({ id, ...mail });
          return Promise.resolve();
        },
      },
    },
  ],
  exports: [Accounts, AuditTrail, Mailer],
})
class OwnServices {}

const KEYS = [randomBytes(32), randomBytes(32)];
const secretOf = (key: Buffer): string => `whsec_${key.toString('base64')}`;

/** As a receiver does it that knows one of the secrets. @see https://www.standardwebhooks.com */
function isGenuine(headers: IncomingMessage['headers'], body: string, key: Buffer): boolean {
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const expected = createHmac('sha256', key).update(content).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .map((signature) => Buffer.from(signature.replace(/^v1,/, ''), 'base64'))
    .some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected));
}

/** What `docs/hooks.md` shows, in an application. */
describe('the examples of hooks', () => {
  const posted: { readonly isGenuine: boolean; readonly body: { type: string; data: { sessionId: string } } }[] = [];
  let db: Awaited<ReturnType<typeof sessionDatabase>>;
  let receiver: Server;
  let app: INestApplicationContext;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const genuine = KEYS.every((key) => isGenuine(request.headers, body, key));
        posted.push({ isGenuine: genuine, body: JSON.parse(body) as never });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    db = await sessionDatabase();
    const quiet: LoggerService = { log: () => undefined, warn: () => undefined, error: () => undefined };
    const options: IdentitySessionOptions = {
      tailIntervalMs: 50,
      listeners: { retryMs: 1, maxAttempts: 2 },
      codecs: { token: [marked], ...idCodecs(randomBytes(16)) },
      webhooks: await webhooks(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`),
    };
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url: db.database.url, extra: { max: 6 } }),
        OwnServices,
        IdentitySessionModule.forRoot({ ...options, hooks: [AccountHooks, NoticesByMail, PartyLine] }),
      ],
      providers: [Presence, AuditListener, Uploads],
    }).compile();
    module.useLogger(quiet);
    app = await module.init();
  });
  afterAll(async () => {
    await app.close();
    await db.close();
    await new Promise((resolve) => receiver.close(resolve));
  });

  /** Those of the example, but for where the receiver is. */
  async function webhooks(url: string) {
    process.env['CRM_WEBHOOK_SECRETS'] = KEYS.map(secretOf).join(',');
    for (const { useFactory } of factories()) {
      const made = (await useFactory()) as IdentitySessionOptions | undefined;
      const given = made?.webhooks;
      if (given !== undefined)
        return given.map((one) => ({ ...one, url, allowInsecure: true, allowPrivateAddresses: true }));
    }
    throw new Error('The example has no webhooks.');
  }
  const factories = () =>
    (withWebhooks.providers ?? []).filter(
      (provider): provider is FactoryProvider<IdentitySessionOptions> =>
        typeof provider === 'object' && 'useFactory' in provider && (provider.inject ?? []).length === 0,
    );

  const sessions = () => app.get(SessionService);
  const admin = () => app.get(SessionAdminService);

  it('refuse who is locked, note who signs in, and keep who is on call', async () => {
    locked.add('eve');
    await expect(sessions().signIn({ userId: 'eve' })).rejects.toMatchObject({
      code: 'REFUSED_BY_HOOK',
      message: 'The account is locked.',
    });
    const { session } = await sessions().signIn({ userId: 'ann', ip: '203.0.113.1', data: { onCall: true } });
    await until('it is noted', () => signedIn.length === 1);
    expect(signedIn).toEqual([['ann', '203.0.113.1']]);
    const end = { reason: 'tidy', scope: { kind: 'all' } } as const;
    await expect(admin().revoke(session.id, { ...end, by: 'root' })).rejects.toMatchObject({ code: 'REFUSED_BY_HOOK' });
    await expect(admin().revoke(session.id, { ...end, by: 'ann' })).resolves.toMatchObject({ status: 'revoked' });
  });

  it('wrap tokens', async () => {
    const { token, session } = await sessions().signIn({ userId: 'bob' });
    expect(token).toMatch(/^acme\.ids_/);
    expect(await app.get(SessionChecker).verify(token)).toMatchObject({ session: { id: session.id } });
  });

  it('write down each event, and what has failed once its cause is mended', async () => {
    isTrailBroken = true;
    const { session } = await sessions().signIn({ userId: 'cy' });
    const listener = app.get(AuditListener);
    const isAudited = () =>
      [...audited.values()].some((event) => 'sessionId' in event && event.sessionId === session.id);
    await until(
      'it is put aside',
      async () => (await db.dataSource.query('SELECT 1 FROM identity_session_dead_letter')).length > 0,
    );
    isTrailBroken = false;
    await until('it is tried again', async () => {
      await listener.tryAgain();
      return isAudited();
    });
  });

  it('tell users, other systems, and whoever holds something, of what happens to a session', async () => {
    await sessions().signIn({ userId: 'dan', userAgent: 'Desk/1' });
    const { session } = await sessions().signIn({ userId: 'dan', userAgent: 'Pocket/1', deviceName: 'Pocket' });
    const aborted: string[] = [];
    const forget = jest.spyOn(app.get(Presence), 'forget');
    const upload = { abort: (why: string) => aborted.push(why), finished: new Promise<void>(() => undefined) };
    await app.get(Uploads).begin(session, upload);
    await admin().revoke(session.id, { reason: 'lost', by: 'root' });
    await until('the upload is aborted', () => aborted.length > 0);
    expect(aborted).toEqual(['revoked']);
    await until('the presence is told', () => forget.mock.calls.some(([event]) => event.sessionId === session.id));
    await until('the mails are sent', () => mails.filter(({ to }) => to === 'dan').length >= 2);
    const [device, ended] = mails.filter(({ to }) => to === 'dan');
    expect(device).toMatchObject({
      subject: 'New sign-in to your account',
      text: expect.stringContaining('Device: Pocket'),
    });
    expect(ended).toMatchObject({ subject: 'A session of yours was ended' });
    const named = app.get(SessionIds).encode(session.id);
    expect(named).toMatch(/^ses_[\w-]{22}$/);
    const own = () => posted.filter(({ body }) => body.data.sessionId === named);
    await until('the receiver has both', () => own().length >= 2);
    expect(own().map(({ body, isGenuine: genuine }) => [body.type, genuine])).toEqual([
      ['session.created', true],
      ['session.revoked', true],
    ]);
  });
});
