import { describe, expect, it } from '@jest/globals';
import { accountServer, PASSWORD } from './support/account-server.js';

describe.each(['express', 'fastify'])('accounts on %s', (adapter) => {
  const { administrator, client, freshEmail, made, signedUp } = accountServer(adapter);

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

    it.each<[string, object]>([
      ['email', { password: PASSWORD }],
      ['email', { email: 'nobody', password: PASSWORD }],
      ['password', { email: 'x@example.com', password: 'short' }],
      ['password', { email: 'x@example.com', password: 'x'.repeat(257) }],
      ['password', { email: 'x@example.com', password: 'with\0nul-in-it' }],
      ['password', { email: 'x@example.com', password: ['an', 'array'] }],
      ['role', { email: 'x@example.com', password: PASSWORD, role: 'admin' }],
      ['tenantId', { email: 'x@example.com', password: PASSWORD, tenantId: 'acme' }],
      ['__proto__', JSON.parse('{"email":"x@example.com","password":"a fine password","__proto__":{"role":"admin"}}')],
    ])('[row 46] is refused because of %s', async (field, body) => {
      const answer = await client().post('/auth/sign-up', body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ field }] } });
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
