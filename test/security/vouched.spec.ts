import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CookieOrBearerExtractor,
  type CredentialExtractor,
  SessionAdminService,
  SessionChecker,
  type VouchedCredential,
  VouchedSessionExtractor,
} from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Claims, jwtOf, vouchForJwts } from './support/claims.js';
import { type Answer, Client, signedIn } from './support/client.js';
import { ElevateController, RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';

/** What an application must not write, and what must not help whoever finds one: claims from what a request says. */
const GULLIBLE: CredentialExtractor = {
  extract: ({ headers }) => {
    const text = headers['x-gullible'];
    return typeof text === 'string' ? (JSON.parse(text) as VouchedCredential) : undefined;
  },
};

describe.each(ADAPTERS)('a session that the application vouches for, on %s', (adapter) => {
  let node: TestApp;
  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      controllers: [RuleController, ElevateController],
      options: { extractors: [new VouchedSessionExtractor(), GULLIBLE, new CookieOrBearerExtractor('session')] },
      configure: vouchForJwts,
    });
  });
  afterAll(() => node.close());

  const withClaims = (claims: Claims, path = '/me', method = 'GET', client = new Client(node.url)): Promise<Answer> =>
    client.request(method, path, { headers: { 'x-jwt': jwtOf(claims) } });

  it('is admitted by its id and its user, and seen like any other', async () => {
    const { sessionId: sid } = await signedIn(node, { userId: 'ada' });
    const admitted = await withClaims({ sid, sub: 'ada' });
    expect([admitted.status, admitted.body]).toEqual([200, { userId: 'ada', sessionId: sid }]);
    expect((await withClaims({ sid, sub: 'ada' }, '/strict')).status).toBe(200);
    expect((await withClaims({ sid, sub: 'ada' }, '/sessions')).body.items).toMatchObject([{ id: sid, current: true }]);
  });

  it('[row 2] the id alone is no credential, however a request presents it', async () => {
    const { sessionId: sid } = await signedIn(node, { userId: 'plain' });
    const claims = Buffer.from(JSON.stringify({ sid, sub: 'plain' })).toString('base64url');
    const client = new Client(node.url);
    const forged = [
      { authorization: `Bearer ${sid}` },
      { cookie: `session=${sid}` },
      { 'x-jwt': claims },
      { 'x-jwt': `${claims}.${'A'.repeat(43)}` },
      { sid, sub: 'plain', 'x-session-id': sid, 'x-user-id': 'plain' },
    ];
    for (const headers of forged) expect((await client.request('GET', '/me', { headers })).status).toBe(401);
    expect((await client.get(`/me?sid=${sid}&sub=plain&kind=vouched&sessionId=${sid}&userId=plain`)).status).toBe(401);
  });

  it('[row 2] an extractor that makes such a credential from what it has read proves nothing', async () => {
    const { sessionId } = await signedIn(node, { userId: 'gullible' });
    const credential = { kind: 'vouched', sessionId, userId: 'gullible', tenantId: null };
    const headers = { 'x-gullible': JSON.stringify(credential) };
    const client = new Client(node.url);
    for (const path of ['/me', '/strict'])
      expectProblem(await client.request('GET', path, { headers }), 'SESSION_INVALID');
    expectProblem(await client.request('DELETE', '/sign-out', { headers }), 'SESSION_INVALID');
    const made = credential as unknown as VouchedCredential;
    expect(await node.app.get(SessionChecker).verifyVouched(made)).toMatchObject({
      error: { code: 'SESSION_INVALID' },
    });
    expect((await withClaims({ sid: sessionId, sub: 'gullible' })).status).toBe(200);
  });

  it('[row 42] a subject that is not the session’s user is 401, and ends nothing', async () => {
    const victim = await signedIn(node, { userId: 'victim' });
    const { sessionId: sid } = victim;
    for (const sub of ['mallory', 'Victim', 'victim ', '', null, undefined, ['victim'], { id: 'victim' }]) {
      expectProblem(await withClaims({ sid, sub }), 'SESSION_INVALID');
      expectProblem(await withClaims({ sid, sub }, '/strict'), 'SESSION_INVALID');
      expect((await withClaims({ sid, sub }, '/sign-out', 'DELETE')).status).toBe(401);
    }
    expect((await withClaims({ sid, sub: 'mallory' }, '/optional')).body).toEqual({ sessionId: null });
    expect(await victim.alive()).toBe(200);
  });

  it('[row 44] the tenant must be the session’s, and absence is none', async () => {
    const { sessionId: sid } = await signedIn(node, { userId: 'twin', tenantId: 'a' });
    const other = await signedIn(node, { userId: 'twin' });
    expect((await withClaims({ sid, sub: 'twin', tenant: 'a' })).status).toBe(200);
    for (const tenant of [undefined, null, 'b', '', 1]) {
      expectProblem(await withClaims({ sid, sub: 'twin', tenant }), 'SESSION_INVALID');
    }
    expectProblem(await withClaims({ sid: other.sessionId, sub: 'twin', tenant: 'a' }), 'SESSION_INVALID');
    expect((await withClaims({ sid: other.sessionId, sub: 'twin' })).status).toBe(200);
  });

  it('is 401 with an id that no session has, or that is none', async () => {
    const unknown = '01a00000-0000-7000-8000-000000000000';
    for (const sid of [unknown, unknown.toUpperCase(), `{${unknown}}`, `${unknown}\0`, '', 'x', null, 1, [], {}]) {
      expectProblem(await withClaims({ sid, sub: 'ada' }), 'SESSION_INVALID');
    }
  });

  it('wins over the cookie of somebody else, and does not fall back to it', async () => {
    const { sessionId: sid } = await signedIn(node, { userId: 'explicit' });
    const ambient = await signedIn(node, { userId: 'ambient' });
    expect((await withClaims({ sid, sub: 'explicit' }, '/me', 'GET', ambient)).body.userId).toBe('explicit');
    expectProblem(await withClaims({ sub: 'explicit' }, '/me', 'GET', ambient), 'SESSION_INVALID');
  });

  it('[row 25] is refused once it is revoked, with the reason', async () => {
    const { sessionId: sid } = await signedIn(node, { userId: 'revoked' });
    expect((await withClaims({ sid, sub: 'revoked' })).status).toBe(200);
    await node.app.get(SessionAdminService).revoke(sid, { reason: 'test', by: null, scope: { kind: 'all' } });
    expectProblem(await withClaims({ sid, sub: 'revoked' }), 'SESSION_REVOKED');
    expectProblem(await withClaims({ sid, sub: 'somebody' }), 'SESSION_INVALID');
  });

  it('[row 22] is signed out by whom the application vouches for', async () => {
    const user = await signedIn(node, { userId: 'leaving' });
    const answer = await withClaims({ sid: user.sessionId, sub: 'leaving' }, '/sign-out', 'DELETE');
    expect([answer.status, answer.setCookies]).toEqual([200, []]);
    expectProblem(await user.me(), 'SESSION_SIGNED_OUT');
  });

  it('[row 6] is replaced by a sign-in over it', async () => {
    const user = await signedIn(node, { userId: 'again' });
    const headers = { 'x-jwt': jwtOf({ sid: user.sessionId, sub: 'again' }) };
    const body = { userId: 'again', transport: 'bearer' };
    expect((await new Client(node.url).request('POST', '/sign-in', { body, headers })).status).toBe(201);
    expect(await user.alive()).toBe(401);
  });

  it('[row 11] has no more rights than the claims say, and than it has', async () => {
    const { sessionId: sid } = await signedIn(node, { userId: 'level', assurance: 'aal2' });
    const level = async (acr?: Claims['acr']) =>
      (await withClaims({ sid, sub: 'level', acr }, '/second-factor')).status;
    expect(await Promise.all([level(), level('aal1'), level('aal2'), level('aal3')])).toEqual([200, 403, 200, 200]);
    expect(await level('constructor' as 'aal1')).toBe(403);
    const now = Math.floor(Date.now() / 1_000);
    const fresh = async (time?: number) => (await withClaims({ sid, sub: 'level', auth_time: time }, '/fresh')).status;
    expect(await Promise.all([fresh(), fresh(now), fresh(now - 3_600), fresh(now + 3_600)])).toEqual([
      200, 200, 403, 200,
    ]);
    expect(await fresh('soon' as unknown as number)).toBe(403);
  });

  it('[row 52] may have come in a cookie, so that pages of other sites change nothing with it', async () => {
    const { sessionId: sid } = await signedIn(node, { userId: 'framed' });
    const post = async (headers: Record<string, string>) => {
      const jwt = { 'x-jwt': jwtOf({ sid, sub: 'framed' }) };
      const sending = { body: { deviceName: 'x' }, headers: { ...jwt, ...headers } };
      return (await new Client(node.url).request('PATCH', `/sessions/${sid}`, sending)).status;
    };
    expect(await post({ 'sec-fetch-site': 'cross-site', cookie: 'jwt=x' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'same-origin', cookie: 'jwt=x' })).toBe(200);
    expect(await post({ 'sec-fetch-site': 'cross-site' })).toBe(200);
  });

  it('[row 7] a step-up gives no token to who came without one, and older claims stay at their level', async () => {
    const user = await signedIn(node, { userId: 'stepping' });
    const claims = { sid: user.sessionId, sub: 'stepping', acr: 'aal1' } as const;
    const headers = { 'x-jwt': jwtOf(claims) };
    const answer = await new Client(node.url).request('POST', '/elevate', { body: { assurance: 'aal2' }, headers });
    expect([answer.status, answer.setCookies, answer.headers['session-token']]).toEqual([201, [], undefined]);
    expectProblem(await withClaims(claims, '/second-factor'), 'ASSURANCE_TOO_LOW');
    expect((await withClaims({ ...claims, acr: 'aal2' }, '/second-factor')).status).toBe(200);
  });
});
