import { describe, expect, it } from '@jest/globals';
import { accountServer, ADMIN, PASSWORD } from './support/account-server.js';

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

describe.each(['express', 'fastify'])('a sign-in on %s', (adapter) => {
  const { client, freshEmail, signedUp } = accountServer(adapter);

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
});
