import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Delete, Get, HttpCode, Post, Put, UseGuards } from '@nestjs/common';
import { AllowAnonymous, AllowCrossSite, CsrfGuard, OptionalSession } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, presenting, send, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';

const ALLOWED = 'https://partner.example.org';
const CROSS_SITE = { 'sec-fetch-site': 'cross-site' };

let changes = 0;

/** What an application has of its own. */
@Controller()
class ShopController {
  @Put('order')
  order() {
    return { changes: (changes += 1) };
  }

  @Get('order')
  look() {
    return { changes };
  }

  @OptionalSession()
  @Post('basket')
  @HttpCode(200)
  basket() {
    return { changes: (changes += 1) };
  }

  @AllowAnonymous()
  @Delete('greeting')
  greet() {
    return { changes: (changes += 1) };
  }

  @AllowAnonymous()
  @UseGuards(CsrfGuard)
  @Post('login')
  @HttpCode(200)
  login() {
    return { changes: (changes += 1) };
  }

  @AllowCrossSite()
  @UseGuards(CsrfGuard)
  @Post('callback')
  @HttpCode(200)
  callback() {
    return { changes: (changes += 1) };
  }
}

/** Of the module and of the application: every kind of route that may change something. */
const CHANGING = [
  ['DELETE', '/sessions'],
  ['DELETE', '/sessions/00000000-0000-7000-8000-000000000000'],
  ['PATCH', '/sessions/00000000-0000-7000-8000-000000000000'],
  ['DELETE', '/admin/users/somebody/sessions'],
  ['POST', '/admin/cut-offs'],
  ['DELETE', '/sign-out'],
  ['PUT', '/order'],
  ['POST', '/basket'],
  ['DELETE', '/greeting'],
] as const;

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let user: Client;

  beforeAll(async () => {
    const controllers = [ShopController];
    node = await startTestApp({ adapter, controllers, options: { csrf: { allowedOrigins: [ALLOWED] } } });
    user = await signedIn(node, { userId: 'admin' });
    await signedIn(node, { userId: 'admin' });
  });

  afterAll(() => node.close());

  const own = () => node.url;
  const foreign: [string, Record<string, string>][] = [
    ['a cross-site Sec-Fetch-Site', CROSS_SITE],
    ['a sibling subdomain’s Sec-Fetch-Site', { 'sec-fetch-site': 'same-site' }],
    ['a foreign Origin', { origin: 'https://evil.example' }],
    ['the Origin null', { origin: 'null' }],
    ['a suffix of an allowed Origin', { origin: `${ALLOWED}.evil.io` }],
    ['its own Origin, but a cross-site Sec-Fetch-Site', { ...CROSS_SITE, origin: 'http://127.0.0.1' }],
  ];

  it.each(foreign)('[row 52] %s is refused wherever a cookie could change something', async (_what, headers) => {
    const before = changes;
    for (const [method, path] of CHANGING) {
      expectProblem(await user.request(method, path, { headers }), 'CROSS_SITE');
    }
    expect(changes).toBe(before);
    expect((await user.get('/sessions')).body.items).toHaveLength(2);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', 'application/json'])(
    '[row 52] a body of type %s makes no difference',
    async (type) => {
      const headers = { ...CROSS_SITE, 'content-type': type };
      const answer = await user.request('POST', '/basket', { headers, body: type.includes('json') ? '{}' : 'a=b' });
      // Fastify reads no multipart bodies, and says so before anybody asks who sent it.
      if (adapter === 'fastify' && !/json|plain/.test(type)) expect([403, 415]).toContain(answer.status);
      else expectProblem(answer, 'CROSS_SITE');
    },
  );

  it('[row 52] what the application’s own pages, allowed ones and programs send passes', async () => {
    for (const headers of [
      {},
      { 'sec-fetch-site': 'same-origin', origin: 'null' },
      { 'sec-fetch-site': 'none' },
      { origin: own() },
      { origin: ALLOWED },
      { origin: ALLOWED, ...CROSS_SITE },
    ]) {
      expect(await user.request('PUT', '/order', { headers })).toMatchObject({ status: 200 });
    }
  });

  it('[row 52] what only reads passes, so that links from elsewhere work', async () => {
    for (const path of ['/order', '/me', '/sessions']) {
      expect(await user.request('GET', path, { headers: CROSS_SITE })).toMatchObject({ status: 200 });
      expect(await user.request('HEAD', path, { headers: CROSS_SITE })).toMatchObject({ status: 200 });
    }
  });

  it('[row 52] a bearer token passes, since no browser adds one by itself, beside a cookie too', async () => {
    const bearer = presenting(node, user.token);
    expect(await bearer.request('PUT', '/order', { headers: CROSS_SITE })).toMatchObject({ status: 200 });
    const headers = { ...CROSS_SITE, authorization: `Bearer ${user.token}` };
    expect(await user.request('PUT', '/order', { headers })).toMatchObject({ status: 200 });
    expect(await bearer.request('POST', '/login', { headers: CROSS_SITE })).toMatchObject({ status: 200 });
  });

  it('[row 52] another scheme beside the cookie does not make it a bearer token', async () => {
    const headers = { ...CROSS_SITE, authorization: 'Basic dTpw' };
    expectProblem(await user.request('PUT', '/order', { headers }), 'CROSS_SITE');
  });

  it('[row 52] a sign-in behind CsrfGuard is refused without any cookie', async () => {
    const login = (headers: Record<string, string>) => send(node.url, 'POST', '/login', { headers });
    expectProblem(await login(CROSS_SITE), 'CROSS_SITE');
    expectProblem(await login({ origin: 'null' }), 'CROSS_SITE');
    expect(await login({ origin: own() })).toMatchObject({ status: 200 });
    expect(await login({})).toMatchObject({ status: 200 });
  });

  it('a route can take what other sites send', async () => {
    expect(await user.request('POST', '/callback', { headers: CROSS_SITE })).toMatchObject({ status: 200 });
  });

  it('it can be switched off, or opened to sibling subdomains', async () => {
    const joined = { adapter, joins: node, controllers: [ShopController] };
    const off = await startTestApp({ ...joined, options: { csrf: { enabled: false } } });
    const open = await startTestApp({ ...joined, options: { csrf: { allowSameSite: true } } });
    try {
      const put = (at: TestApp, site: string) =>
        user.at(at).request('PUT', '/order', { headers: { 'sec-fetch-site': site } });
      expect(await put(off, 'cross-site')).toMatchObject({ status: 200 });
      expect(await send(off.url, 'POST', '/login', { headers: CROSS_SITE })).toMatchObject({ status: 200 });
      expect(await put(open, 'same-site')).toMatchObject({ status: 200 });
      expect(await put(open, 'cross-site')).toMatchObject({ status: 403 });
    } finally {
      await off.close();
      await open.close();
    }
  });
});
