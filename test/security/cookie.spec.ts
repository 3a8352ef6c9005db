import { randomBytes, randomUUID } from 'node:crypto';
import { APP_FILTER } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ProblemDetailsFilter } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, Client, send, signedIn } from './support/client.js';
import { ElevateController, RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let overTls: TestApp;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      controllers: [RuleController, ElevateController],
      providers: [{ provide: APP_FILTER, useClass: ProblemDetailsFilter }],
    });
    overTls = await startTestApp({ adapter, joins: node, options: { cookie: { secure: true } } });
  });
  afterAll(async () => {
    await overTls.close();
    await node.close();
  });

  it('[row 50] the cookie is __Host-, Secure, HttpOnly, SameSite=Lax, for the whole site and no domain', async () => {
    const user = new Client(overTls.url);
    const { setCookies } = await user.signIn({ userId: 'user' });
    expect(setCookies).toEqual([`__Host-session=${user.token}; Path=/; HttpOnly; SameSite=Lax; Secure`]);
    expect(await user.alive()).toBe(200);
  });

  it('[row 50] without TLS it has a plain name and is not Secure', async () => {
    const user = new Client(node.url);
    const { setCookies } = await user.signIn({ userId: 'user' });
    expect(setCookies).toEqual([`session=${user.token}; Path=/; HttpOnly; SameSite=Lax`]);
  });

  it('[row 50] the plain name is no credential where the cookie is __Host-', async () => {
    const user = await signedIn(overTls, { userId: 'user' });
    user.cookie = `session=${user.token}`;
    expectProblem(await user.me(), 'SESSION_MISSING');
  });

  it('[row 50] a Host that the client makes up leaves the cookie as it is', async () => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' };
    const { setCookies } = await new Client(overTls.url).request('POST', '/sign-in', {
      body: { userId: 'user' },
      headers,
    });
    expect(setCookies[0]).toMatch(/^__Host-session=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
  });

  describe('[row 51] with one valid session, the header', () => {
    let token: string;
    beforeAll(async () => {
      ({ token } = await signedIn(node, { userId: 'user' }));
    });
    const cases: [string, (token: string) => string][] = [
      ['of two cookies of the name, the other first', (t) => `session=${inventedToken()}; session=${t}`],
      ['of two cookies of the name, the other last', (t) => `session=${t}; session=${inventedToken()}`],
      ['of two equal cookies', (t) => `session=${t}; session=${t}`],
      ['of two cookies, one empty', (t) => `session=; session=${t}`],
      ['in another case', (t) => `Session=${t}`],
      ['in capitals', (t) => `SESSION=${t}`],
      ['with a space before the name', (t) => `a=1;  session=${t}`],
      ['with a tab before the name', (t) => `a=1;\tsession=${t}`],
      ['with a space behind the name', (t) => `session =${t}`],
      ['with another cookie in its name', (t) => `xsession=${t}`],
      ['with a longer name', (t) => `session2=${t}`],
      ['with a prefix that the name has not', (t) => `__Host-session=${t}`],
      ['separated by a comma', (t) => `a=1, session=${t}`],
      ['in quotes', (t) => `session="${t}"`],
      ['with a space behind the value', (t) => `session=${t} ; a=1`],
      ['percent-encoded', (t) => `session=${t.replace('ids_', 'ids%5F')}`],
      ['with an encoded name', (t) => `%73ession=${t}`],
      ['as an array', (t) => `session[]=${t}`],
      ['as JSON', (t) => `session=j:"${t}"`],
      ['in old RFC 2109 form', (t) => `$Version=1; session="${t}"; $Path="/"`],
    ];
    it.each(cases)('%s is refused', async (_what, header) => {
      const answer = await send(node.url, 'GET', '/me', { headers: { cookie: header(token) } });
      expect(answer.status).toBe(401);
      expect(['SESSION_MISSING', 'SESSION_INVALID']).toContain(answer.body.code);
    });

    it.each([
      ['among others', (t: string) => `a=1; session=${t}; b=session=x`],
      ['without spaces', (t: string) => `a=1;session=${t};b=2`],
      ['beside near misses', (t: string) => `Session=x; session2=y; session=${t}; xsession=z`],
      ['beside the __Host- name', (t: string) => `__Host-session=${inventedToken()}; session=${t}`],
    ])('%s is accepted', async (_what, header) => {
      const answer = await send(node.url, 'GET', '/me', { headers: { cookie: header(token) } });
      expect(answer.status).toBe(200);
    });
  });

  it('[row 53] every answer that depends on a session or sets its cookie is no-store, whatever its status', async () => {
    const user = await signedIn(node, { userId: 'user' });
    const admin = await signedIn(node, { userId: 'admin' });
    const other = await signedIn(node, { userId: 'user' });
    const anonymous = new Client(node.url);
    const invalid = new Client(node.url);
    invalid.bearer = inventedToken();
    const answers: [string, Answer][] = [];
    const ask = async (client: Client, method: string, path: string, body?: unknown) => {
      answers.push([`${method} ${path}`, await client.request(method, path, { body })]);
    };
    for (const path of ['/me', '/sessions', '/sessions/current', '/optional', '/peek', '/fresh', '/second-factor']) {
      for (const client of [user, anonymous, invalid]) {
        await ask(client, 'GET', path);
        await ask(client, 'HEAD', path);
      }
    }
    for (const path of ['/admin/sessions', `/admin/sessions/${user.sessionId}`, '/admin/users/user/sessions']) {
      for (const client of [admin, user, anonymous]) await ask(client, 'GET', path);
    }
    await ask(user, 'GET', '/sessions?unknown=1');
    await ask(user, 'PATCH', `/sessions/${user.sessionId}`, { deviceName: 'x' });
    await ask(user, 'PATCH', `/sessions/${user.sessionId}`, { deviceName: 1 });
    await ask(user, 'DELETE', `/sessions/${randomUUID()}`);
    await ask(user, 'DELETE', `/sessions/${other.sessionId}`);
    await ask(user, 'PUT', '/sessions');
    await ask(user, 'DELETE', '/sessions');
    await ask(user, 'POST', '/elevate', { assurance: 'aal2' });
    await ask(user, 'POST', '/sign-in', { userId: 'user' });
    await ask(new Client(node.url), 'POST', '/sign-in', { userId: 'user', transport: 'bearer' });
    await ask(user, 'DELETE', '/sign-out');
    await ask(user, 'GET', '/me');
    for (const [what, { status, headers }] of answers) {
      expect({ what, status, cache: headers['cache-control'] }).toEqual({ what, status, cache: 'no-store' });
    }
    const statuses = new Set(answers.map(([, { status }]) => status));
    expect([...statuses].toSorted()).toEqual([200, 201, 204, 400, 401, 403, 404, 405]);
  });
});

function inventedToken(): string {
  return `ids_${randomUUID()}.0.${randomBytes(32).toString('base64url')}`;
}
