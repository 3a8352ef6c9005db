import { describe, expect, it } from '@jest/globals';
import { accountServer, PASSWORD } from './support/account-server.js';

describe.each(['express', 'fastify'])('a change of the password on %s', (adapter) => {
  const { client, signedUp } = accountServer(adapter);

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
});
