import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess } from '../support/server.js';
import { HttpClient } from './support/http-client.js';

const ADMIN = { email: 'root@example.com', password: 'correct horse battery' };
const PASSWORD = 'a fine password';
const SESSION_KEYS = [
  'assurance',
  'authenticatedAt',
  'clientId',
  'createdAt',
  'current',
  'deviceName',
  'deviceType',
  'endReason',
  'endedAt',
  'endedBy',
  'expiresAt',
  'id',
  'idleExpiresAt',
  'initialIp',
  'lastAccessedAt',
  'lastIp',
  'location',
  'status',
  'tenantId',
  'userAgent',
  'userId',
];

describe.each(['express', 'fastify'])('accounts on %s', (adapter) => {
  let database: TestDatabase;
  let server: RunningServer;
  let emails = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startInProcess({
      DATABASE_URL: database.url,
      HTTP_ADAPTER: adapter,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    });
  });

  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  const client = () => new HttpClient(server.url);
  const freshEmail = () => `user-${(emails += 1)}@example.com`;

  /** A new account, and a client that is signed in to it. */
  async function signedUp(more: object = {}): Promise<{ email: string; userId: string; client: HttpClient }> {
    const email = freshEmail();
    const { body } = await client().post('/auth/sign-up', { email, password: PASSWORD });
    const signedIn = client();
    expect(await signedIn.signIn(email, PASSWORD, more)).toMatchObject({ status: 200 });
    return { email, userId: body.userId as string, client: signedIn };
  }

  async function administrator(email = ADMIN.email, password = ADMIN.password): Promise<HttpClient> {
    const signedIn = client();
    expect(await signedIn.signIn(email, password)).toMatchObject({ status: 200 });
    return signedIn;
  }

  /** An account made by the administrator, and a client that is signed in to it. */
  async function made(role: string, tenantId?: string): Promise<{ userId: string; email: string; client: HttpClient }> {
    const email = freshEmail();
    const admin = await administrator();
    const answer = await admin.post('/admin/accounts', { email, password: PASSWORD, role, tenantId });
    expect(answer).toMatchObject({ status: 201, body: { email, role, tenantId: tenantId ?? null, disabled: false } });
    return { userId: answer.body.userId as string, email, client: await administrator(email, PASSWORD) };
  }

  describe('POST /auth/sign-up', () => {
    it('makes an account', async () => {
      const answer = await client().post('/auth/sign-up', { email: freshEmail(), password: PASSWORD });
      expect(answer).toMatchObject({ status: 201, body: { userId: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
      expect(Object.keys(answer.body as object)).toEqual(['userId']);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    });

    it('makes one account of all spellings of an address, also at the same moment', async () => {
      const email = freshEmail();
      const spellings = [email, email.toUpperCase(), ` ${email} `, email.replace('u', '\uFF55')];
      const answers = await Promise.all(
        spellings.map((spelling) => client().post('/auth/sign-up', { email: spelling, password: PASSWORD })),
      );
      expect(answers.map((answer) => answer.status).sort()).toEqual([201, 400, 400, 400]);
      expect(answers.find((answer) => answer.status === 400)?.body).toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: [{ field: 'email', message: 'is taken' }],
      });
    });

    it.each([
      [{ password: PASSWORD }, 'email'],
      [{ email: 'nobody', password: PASSWORD }, 'email'],
      [{ email: 'x@example.com', password: 'short' }, 'password'],
      [{ email: 'x@example.com', password: 'x'.repeat(257) }, 'password'],
      [{ email: 'x@example.com', password: ['an', 'array'] }, 'password'],
      [{ email: 'x@example.com', password: PASSWORD, role: 'admin' }, 'role'],
      [{ email: 'x@example.com', password: PASSWORD, tenantId: 'acme' }, 'tenantId'],
    ])('[row 46] refuses %j because of %s', async (body, field) => {
      const answer = await client().post('/auth/sign-up', body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ field }] } });
    });
  });

  describe('POST /auth/sign-in', () => {
    it('[row 47] answers with the session and keeps the token in the cookie', async () => {
      const { email, userId } = await signedUp();
      const browser = client();
      const answer = await browser.signIn(email.toUpperCase(), PASSWORD, { deviceType: 'mobile', deviceName: 'Phone' });
      expect(answer).toMatchObject({
        status: 200,
        body: { session: { userId, deviceType: 'mobile', deviceName: 'Phone', current: true }, evicted: [] },
      });
      expect(Object.keys(answer.body as object).sort()).toEqual(['evicted', 'session']);
      expect(Object.keys(answer.body.session as object).sort()).toEqual(SESSION_KEYS);
      expect(answer.headers.get('set-cookie')).toMatch(/^session=ids_[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
      expect(await browser.get('/me')).toMatchObject({ body: { userId, sessionId: answer.body.session.id } });
    });

    it('gives the token to a bearer client, and no cookie', async () => {
      const { email, userId } = await signedUp();
      const application = client();
      const answer = await application.signIn(email, PASSWORD, { transport: 'bearer' });
      expect(answer.body.token).toMatch(/^ids_/);
      expect(answer.headers.get('set-cookie')).toBeNull();
      expect(await application.get('/me')).toMatchObject({ status: 200, body: { userId } });
    });

    it('[row 6] ends the session that it is made over', async () => {
      const { client: browser } = await signedUp();
      const before = browser.copy();
      const other = await signedUp();
      expect(await browser.signIn(other.email, PASSWORD)).toMatchObject({ status: 200 });
      expect(await before.get('/me')).toMatchObject({ status: 401 });
      expect(await browser.get('/me')).toMatchObject({ status: 200, body: { userId: other.userId } });
    });

    it('answers the same for an unknown address and a wrong password', async () => {
      const { email } = await signedUp();
      const wrong = await client().signIn(email, 'not the password');
      const unknown = await client().signIn(freshEmail(), PASSWORD);
      expect(wrong).toMatchObject({ status: 401, body: { code: 'BAD_CREDENTIALS', status: 401 } });
      expect(unknown.body).toEqual(wrong.body);
      expect(unknown.headers.get('www-authenticate')).toBe(wrong.headers.get('www-authenticate'));
    });

    it.each([
      [{ deviceType: 'toaster' }, 'deviceType'],
      [{ userId: 'someone-else' }, 'userId'],
      [{ tenantId: 'acme' }, 'tenantId'],
      [{ expiresAt: '2099-01-01' }, 'expiresAt'],
      [{ status: 'active' }, 'status'],
      [{ impersonatedBy: 'x' }, 'impersonatedBy'],
      [{ rememberMe: 'yes' }, 'rememberMe'],
      [{ transport: 'query' }, 'transport'],
    ])('[row 46] refuses %j', async (more, field) => {
      const answer = await client().post('/auth/sign-in', { ...ADMIN, ...more });
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ field }] } });
      expect(answer.headers.get('set-cookie')).toBeNull();
    });
  });

  describe('POST /auth/sign-out', () => {
    it('[row 33] ends the session, clears the cookie and may be repeated', async () => {
      const { client: browser } = await signedUp();
      const copy = browser.copy();
      const answer = await browser.post('/auth/sign-out');
      expect(answer.status).toBe(204);
      expect(answer.headers.get('set-cookie')).toMatch(/^session=; Path=\/; HttpOnly; SameSite=Lax; Max-Age=0/);
      expect(answer.headers.get('clear-site-data')).toContain('"storage"');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(await copy.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_SIGNED_OUT' } });
      expect(await copy.post('/auth/sign-out')).toMatchObject({ status: 204 });
    });

    it('has nothing to end without a session', async () => {
      const answer = await client().post('/auth/sign-out');
      expect(answer).toMatchObject({ status: 401, body: { code: 'SESSION_MISSING' } });
    });
  });

  describe('POST /auth/password', () => {
    it('[row 27] ends the other sessions and rotates this one', async () => {
      const { email, client: browser } = await signedUp();
      const other = client();
      await other.signIn(email, PASSWORD, { transport: 'bearer' });
      const before = browser.copy();
      const answer = await browser.post('/auth/password', { current: PASSWORD, next: 'another password' });
      expect(answer).toMatchObject({ status: 200, body: { session: { current: true } } });
      expect(Object.keys(answer.body as object)).toEqual(['session']);
      expect(await other.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_REVOKED' } });
      expect(await before.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_INVALID' } });
      expect(await browser.get('/me')).toMatchObject({ status: 200 });
      expect(await client().signIn(email, PASSWORD)).toMatchObject({ status: 401 });
      expect(await client().signIn(email, 'another password')).toMatchObject({ status: 200 });
    });

    it('gives a bearer client its new token', async () => {
      const { client: application } = await signedUp({ transport: 'bearer' });
      const before = application.copy();
      const answer = await application.post('/auth/password', { current: PASSWORD, next: 'another password' });
      expect(answer.body.token).toBe(answer.headers.get('session-token'));
      expect(answer.headers.get('set-cookie')).toBeNull();
      expect(await application.get('/me')).toMatchObject({ status: 200 });
      expect(await before.get('/me')).toMatchObject({ status: 401 });
    });

    it('changes nothing with a wrong current password or an unfit next one', async () => {
      const { email, client: browser } = await signedUp();
      const other = await client().signIn(email, PASSWORD);
      for (const [current, next, status] of [
        ['not the password', 'another password', 401],
        [PASSWORD, 'short', 400],
        [PASSWORD, 'x'.repeat(300), 400],
      ] as const) {
        expect(await browser.post('/auth/password', { current, next })).toMatchObject({ status });
      }
      expect(await browser.get('/me')).toMatchObject({ status: 200 });
      expect(other.status).toBe(200);
      expect(await client().signIn(email, PASSWORD)).toMatchObject({ status: 200 });
    });

    it('counts wrong current passwords like failed sign-ins', async () => {
      const { email, client: browser } = await signedUp();
      const guess = { current: 'not the password', next: 'another password' };
      for (let attempt = 0; attempt < 10; attempt += 1) {
        expect(await browser.post('/auth/password', guess)).toMatchObject({ status: 401 });
      }
      expect(await browser.post('/auth/password', { ...guess, current: PASSWORD })).toMatchObject({ status: 429 });
      expect(await client().signIn(email, PASSWORD)).toMatchObject({ status: 429 });
    });

    it('lets no sign-in with the old password survive it', async () => {
      const { email, client: browser } = await signedUp();
      const signIns = Array.from({ length: 20 }, async () => {
        const racing = client();
        await racing.signIn(email, PASSWORD, { transport: 'bearer' });
        return racing;
      });
      const change = await browser.post('/auth/password', { current: PASSWORD, next: 'another password' });
      expect(change.status).toBe(200);
      const survivors = (await Promise.all(signIns)).map(async (racing) => (await racing.get('/me')).status);
      expect(new Set(await Promise.all(survivors))).toEqual(new Set([401]));
      expect(await browser.get('/me')).toMatchObject({ status: 200 });
    });

    it('needs a session', async () => {
      const answer = await client().post('/auth/password', { current: PASSWORD, next: PASSWORD });
      expect(answer).toMatchObject({ status: 401, body: { code: 'SESSION_MISSING' } });
    });
  });

  describe('failed sign-ins', () => {
    const guess = (email: string) => client().signIn(email, 'not the password');

    it('are limited to ten, also of 50 at once; then not even the right password helps', async () => {
      const { email } = await signedUp();
      const answers = await Promise.all(Array.from({ length: 50 }, () => guess(email)));
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(40);
      for (const { body, headers } of refused) {
        expect(body).toMatchObject({ code: 'TOO_MANY_REQUESTS', status: 429 });
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(800);
      }
      expect(await client().signIn(email, PASSWORD)).toMatchObject({ status: 429 });
    });

    it('of an unknown address are limited alike', async () => {
      const email = freshEmail();
      const answers = await Promise.all(Array.from({ length: 12 }, () => guess(email)));
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(2);
    });

    it('do not stop the others, and many sign-ins at once are none', async () => {
      const { email } = await signedUp();
      await guess(email);
      const answers = await Promise.all(Array.from({ length: 40 }, () => client().signIn(email, PASSWORD)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    });
  });

  describe('/admin/accounts', () => {
    it('is for administrators, and tells the others nothing about their bodies', async () => {
      const { client: user } = await signedUp();
      expect(await user.post('/admin/accounts', { nonsense: true })).toMatchObject({
        status: 403,
        body: { code: 'FORBIDDEN' },
      });
      expect(await user.patch('/admin/accounts/x', {})).toMatchObject({ status: 403 });
      expect(await client().post('/admin/accounts', {})).toMatchObject({ status: 401 });
    });

    it('makes accounts of every role', async () => {
      await made('user');
      await made('user', 'acme');
      await made('tenant-admin', 'acme');
      await made('admin');
    });

    it.each([
      [{ role: 'tenant-admin' }, 'tenantId'],
      [{ role: 'root' }, 'role'],
      [{}, 'role'],
      [{ role: 'user', tenantId: '' }, 'tenantId'],
      [{ role: 'user', disabled: true }, 'disabled'],
    ])('refuses %j', async (more, field) => {
      const admin = await administrator();
      const answer = await admin.post('/admin/accounts', { email: freshEmail(), password: PASSWORD, ...more });
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ field }] } });
    });

    it('lets an administrator of a tenant make plain users of that tenant only', async () => {
      const { client: tenantAdmin } = await made('tenant-admin', 'globex');
      const create = (more: object) =>
        tenantAdmin.post('/admin/accounts', { email: freshEmail(), password: PASSWORD, ...more });
      expect(await create({ role: 'user' })).toMatchObject({ status: 201, body: { tenantId: 'globex' } });
      expect(await create({ role: 'user', tenantId: 'globex' })).toMatchObject({ status: 201 });
      for (const more of [{ role: 'user', tenantId: 'acme' }, { role: 'tenant-admin' }, { role: 'admin' }]) {
        expect(await create(more)).toMatchObject({ status: 403 });
      }
    });

    it('[row 26] disables an account: all its sessions end, and nobody signs in to it', async () => {
      const { userId, email, client: browser } = await signedUp();
      const application = client();
      await application.signIn(email, PASSWORD, { transport: 'bearer' });
      const admin = await administrator();
      const answer = await admin.patch(`/admin/accounts/${userId}`, { disabled: true });
      expect(answer).toMatchObject({ status: 200, body: { userId, disabled: true } });
      for (const session of [browser, application]) {
        expect(await session.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_REVOKED' } });
      }
      const refused = await client().signIn(email, PASSWORD);
      expect(refused).toMatchObject({ status: 401, body: { code: 'BAD_CREDENTIALS' } });
      expect(await admin.patch(`/admin/accounts/${userId}`, { disabled: false })).toMatchObject({ status: 200 });
      expect(await client().signIn(email, PASSWORD)).toMatchObject({ status: 200 });
    });

    it('lets no sign-in survive that races with the disabling', async () => {
      const { userId, email } = await signedUp();
      const admin = await administrator();
      const signIns = Array.from({ length: 20 }, async () => {
        const racing = client();
        await racing.signIn(email, PASSWORD, { transport: 'bearer' });
        return racing;
      });
      expect(await admin.patch(`/admin/accounts/${userId}`, { disabled: true })).toMatchObject({ status: 200 });
      const statuses = (await Promise.all(signIns)).map(async (racing) => (await racing.get('/me')).status);
      expect(new Set(await Promise.all(statuses))).toEqual(new Set([401]));
    });

    it('[row 7] ends the sessions of an account whose role changes, and the new role counts at once', async () => {
      const { userId, email, client: before } = await made('admin');
      const admin = await administrator();
      expect(await admin.patch(`/admin/accounts/${userId}`, { role: 'user' })).toMatchObject({
        body: { role: 'user' },
      });
      expect(await before.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_REVOKED' } });
      const after = await administrator(email, PASSWORD);
      expect(await after.post('/admin/accounts', {})).toMatchObject({ status: 403 });
      expect(await after.get('/admin/sessions')).toMatchObject({ status: 403 });
    });

    it('changes nothing where nothing is changed', async () => {
      const { userId, client: browser } = await signedUp();
      const admin = await administrator();
      expect(await admin.patch(`/admin/accounts/${userId}`, { role: 'user', disabled: false })).toMatchObject({
        status: 200,
      });
      expect(await browser.get('/me')).toMatchObject({ status: 200 });
      expect(await admin.patch(`/admin/accounts/${userId}`, {})).toMatchObject({ status: 400 });
    });

    it('knows no account outside an administrator’s tenant', async () => {
      const { client: tenantAdmin } = await made('tenant-admin', 'initech');
      const { userId: colleague } = await made('user', 'initech');
      const { userId: peer } = await made('tenant-admin', 'initech');
      const { userId: foreigner, client: foreign } = await made('user', 'hooli');
      const { userId: homeless } = await signedUp();
      const disable = (id: string) => tenantAdmin.patch(`/admin/accounts/${id}`, { disabled: true });
      expect(await disable(colleague)).toMatchObject({ status: 200 });
      expect(await disable(peer)).toMatchObject({ status: 403 });
      expect(await tenantAdmin.patch(`/admin/accounts/${colleague}`, { role: 'admin' })).toMatchObject({ status: 403 });
      const unknown = await disable('00000000-0000-4000-8000-000000000000');
      for (const id of [foreigner, homeless]) expect((await disable(id)).body).toEqual(unknown.body);
      expect(unknown).toMatchObject({ status: 404 });
      expect(await foreign.get('/me')).toMatchObject({ status: 200 });
    });

    it.each([
      'x',
      '-1',
      '%00',
      `{${'0'.repeat(8)}-0000-4000-8000-000000000000}`,
      'C84EF72D-0A8A-4ADD-B0DB-71B5991899FC',
    ])('has no account %s', async (id) => {
      const admin = await administrator();
      expect(await admin.patch(`/admin/accounts/${id}`, { disabled: true })).toMatchObject({ status: 404 });
    });

    it('lets nobody change their own account, so that an administrator is left', async () => {
      const { userId, client: admin } = await made('admin');
      expect(await admin.patch(`/admin/accounts/${userId}`, { disabled: true })).toMatchObject({ status: 403 });
      expect(await admin.patch(`/admin/accounts/${userId}`, { role: 'user' })).toMatchObject({ status: 403 });
    });

    it('leaves one administrator when two demote each other', async () => {
      const [a, b] = [await made('admin'), await made('admin')];
      const answers = await Promise.all([
        a.client.patch(`/admin/accounts/${b.userId}`, { role: 'user' }),
        b.client.patch(`/admin/accounts/${a.userId}`, { role: 'user' }),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
    });
  });
});
