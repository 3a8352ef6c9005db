import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess } from '../support/server.js';
import { sendRaw } from '../security/support/raw.js';
import { HttpClient } from './support/http-client.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const MADE_UP = { email: 'nobody@example.com', password: 'a fine password' };

interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

interface RawRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

describe.each(['express', 'fastify'])('HTTP on %s', (adapter) => {
  let database: TestDatabase;
  let server: RunningServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startInProcess({
      DATABASE_URL: database.url,
      HTTP_ADAPTER: adapter,
      ADMIN_EMAIL: 'root@example.com',
      ADMIN_PASSWORD: 'correct horse battery',
    });
  });

  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  /** Sends a path as it is written, which `fetch` would tidy up. */
  function raw(path: string, { method = 'GET', headers = {}, body }: RawRequest = {}): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(server.url, { path, method, headers, agent: false }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        incoming.on('end', () => {
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
        });
      });
      outgoing.on('error', reject).end(body);
    });
  }

  function expectProblem(answer: RawAnswer, status: number, code?: string): void {
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    const problem = JSON.parse(answer.text) as Record<string, unknown>;
    expect(problem).toMatchObject({ status, type: expect.any(String), title: expect.any(String) });
    expect(problem).toMatchObject({ detail: expect.any(String), code: code ?? expect.any(String) });
    expect(answer.status).toBe(status);
    expect(answer.text).not.toMatch(/node_modules|at .*\.(?:js|ts):/);
  }

  describe('[row 64] a problem document', () => {
    it.each<[string, string, RawRequest, number, string]>([
      ['an unknown path', '/nowhere', {}, 404, 'NOT_FOUND'],
      ['an unknown path of another kind', '/auth/sign-in/', { method: 'GET' }, 405, 'METHOD_NOT_ALLOWED'],
      ['a path that begins with two slashes', '//admin/accounts', { method: 'POST' }, 404, 'NOT_FOUND'],
      ['an escaped slash', '/%2fadmin', {}, 404, 'NOT_FOUND'],
      ['a broken escape in an id', '/admin/accounts/%ff', { method: 'PATCH' }, 400, 'VALIDATION_FAILED'],
      ['no session', '/me', {}, 401, 'SESSION_MISSING'],
      ['a made-up token', '/me', { headers: { Authorization: 'Bearer x' } }, 401, 'SESSION_INVALID'],
      [
        'a body that is no JSON',
        '/auth/sign-in',
        { method: 'POST', headers: JSON_TYPE, body: '{"a":' },
        400,
        'VALIDATION_FAILED',
      ],
      [
        'a body that is no object',
        '/auth/sign-in',
        { method: 'POST', headers: JSON_TYPE, body: '5' },
        400,
        'VALIDATION_FAILED',
      ],
      ['a list as body', '/auth/sign-in', { method: 'POST', headers: JSON_TYPE, body: '[]' }, 400, 'VALIDATION_FAILED'],
      ['no body', '/auth/sign-in', { method: 'POST', headers: JSON_TYPE }, 400, 'VALIDATION_FAILED'],
      ['no body and no type', '/auth/sign-in', { method: 'POST' }, 400, 'VALIDATION_FAILED'],
      [
        'a body that is too large',
        '/auth/sign-in',
        { method: 'POST', headers: JSON_TYPE, body: `"${'x'.repeat(200_000)}"` },
        413,
        'PAYLOAD_TOO_LARGE',
      ],
      [
        'a deep body',
        '/auth/sign-in',
        { method: 'POST', headers: JSON_TYPE, body: '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000) },
        400,
        'VALIDATION_FAILED',
      ],
    ])('is the answer to %s', async (_what, path, sent, status, code) => {
      expectProblem(await raw(path, sent), status, code);
    });

    it.each([
      ['text', { 'Content-Type': 'text/plain' }],
      ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
      ['a multipart form', { 'Content-Type': 'multipart/form-data; boundary=x' }],
      ['something like JSON', { 'Content-Type': 'application/jsonp' }],
      ['no type', {}],
      ['a type that is none', { 'Content-Type': ';;' }],
    ])('is the answer to a body as %s', async (_what, headers) => {
      const body = JSON.stringify(MADE_UP);
      const answer = await raw('/auth/sign-in', { method: 'POST', headers, body });
      expectProblem(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
    });

    it('is the answer to a compressed body, small or a bomb', async () => {
      const headers = { ...JSON_TYPE, 'Content-Encoding': 'gzip' };
      for (const text of [JSON.stringify(MADE_UP), 'x'.repeat(50_000_000)]) {
        expectProblem(await raw('/auth/sign-in', { method: 'POST', headers, body: gzipSync(text) }), 415);
      }
    });

    it('is the answer to a method that a path has not, and it says which it has', async () => {
      for (const [method, path, allow] of [
        ['GET', '/auth/sign-in', 'POST'],
        ['DELETE', '/me', 'GET, HEAD'],
        ['PUT', '/admin/accounts/x', 'PATCH'],
        ['OPTIONS', '/auth/sign-out', 'POST'],
        ['TRACE', '/auth/password', 'POST'],
        ['POST', '/docs-json', 'GET, HEAD'],
      ] as const) {
        const answer = await raw(path, { method });
        expectProblem(answer, 405, 'METHOD_NOT_ALLOWED');
        expect(answer.headers.allow).toBe(allow);
      }
      expectProblem(await raw('/sessions', { method: 'PUT' }), 405);
    });

    it('is the answer to a path that cannot be read', async () => {
      for (const path of ['/%ff', '/%', '/admin/accounts/%', `/docs/${'x'.repeat(5_000)}`]) {
        const answer = await raw(path);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expectProblem(answer, answer.status);
      }
    });

    it('is the answer to what is no HTTP, where the adapter says anything but the status', async () => {
      for (const [text, status] of [
        ['GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['nonsense\r\n\r\n', 400],
        [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ] as const) {
        const answer = await sendRaw(server, text);
        expect(answer.status).toBe(status);
        const body = answer.text.split('\r\n\r\n')[1] ?? '';
        if (body !== '') expect(JSON.parse(body)).toMatchObject({ status, code: 'VALIDATION_FAILED' });
      }
    });

    it('follows no X-HTTP-Method-Override', async () => {
      const headers = { 'X-HTTP-Method-Override': 'POST' };
      expectProblem(await raw('/auth/sign-out', { headers }), 405);
    });
  });

  it('takes JSON in upper case and with a charset', async () => {
    for (const type of ['Application/JSON', 'application/json; charset=utf-8', 'application/json;charset="utf-8"']) {
      const sent = { method: 'POST', headers: { 'Content-Type': type }, body: JSON.stringify(MADE_UP) };
      expectProblem(await raw('/auth/sign-in', sent), 401, 'BAD_CREDENTIALS');
    }
  });

  it('[row 12] has HEAD where it has GET, without a body', async () => {
    const answer = await raw('/health', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, text: '' });
    expect(await raw('/me', { method: 'HEAD' })).toMatchObject({ status: 401, text: '' });
  });

  it('[row 53] keeps every answer out of caches and from being sniffed or framed, and does not name its framework', async () => {
    for (const answer of [
      await raw('/health'),
      await raw('/me'),
      await raw('/nowhere'),
      await raw('//'),
      await raw('/auth/sign-in', { method: 'POST', headers: JSON_TYPE, body: '{' }),
    ]) {
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      });
      expect(answer.headers).not.toHaveProperty('x-powered-by');
      expect(answer.headers).not.toHaveProperty('strict-transport-security');
    }
  });

  it('answers the next request after each of these', async () => {
    const client = new HttpClient(server.url);
    expect(await client.signIn('root@example.com', 'correct horse battery')).toMatchObject({ status: 200 });
    expect(await client.get('/me')).toMatchObject({ status: 200 });
  });

  it('tells of its health', async () => {
    const answer = await raw('/health');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'ok', checks: { database: { status: 'ok' } } });
  });

  it('[row 54] has a page of examples that loads only what lies beside it, without inline code or styles', async () => {
    const page = await raw('/example');
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(page.headers['content-security-policy']).not.toMatch(/unsafe|https?:|data:|\*/);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(links).toHaveLength(3);
    for (const link of [...links, '/example/socket.io.js']) {
      expect(link).toMatch(/^\/(?:example|docs)\//);
      expect(await raw(link)).toMatchObject({ status: 200 });
    }
    expect(page.text).not.toMatch(/<script>|<style|style=|\son\w+=/);
  });

  describe('the documentation', () => {
    it('is a page that loads only what lies beside it', async () => {
      const page = await raw('/docs');
      expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
      const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
      expect(links).toHaveLength(4);
      for (const link of links) expect(await raw(link)).toMatchObject({ status: 200 });
      expect(page.text).not.toMatch(/<script>|style=|onload=/);
    });

    it('describes every route with its body', async () => {
      const { paths } = JSON.parse((await raw('/docs-json')).text) as { paths: Record<string, Record<string, object>> };
      expect(Object.keys(paths)).toEqual(
        expect.arrayContaining([
          '/auth/sign-in',
          '/auth/password',
          '/me',
          '/health',
          '/sessions',
          '/admin/sessions/{id}',
        ]),
      );
      expect(paths['/auth/sign-in']?.['post']).toMatchObject({
        summary: 'Sign in',
        requestBody: { content: { 'application/json': { schema: { required: ['email', 'password'] } } } },
      });
    });

    it.each([
      '/example/index.html',
      '/example/..%2fexample.controller.js',
      '/example/__proto__',
      '/docs/package.json',
      '/docs/..%2fpackage.json',
      '/docs/__proto__',
      '/docs/../main.ts',
    ])('has no %s', async (path) => {
      expectProblem(await raw(path), 404);
    });
  });
});

describe.each(['express', 'fastify'])('Browsers on %s', (adapter) => {
  const ALLOWED = 'https://app.example.com';
  const OTHERS = [
    'null',
    '',
    '*',
    'https://app.example.com.evil.io',
    'https://evil-app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com/',
    'https://APP.example.com',
    'http://app.example.com',
    'https://x.app.example.com',
    'https://example.com',
    'https://app.example.com,https://other.example.com',
    'https://app.example.com, https://evil.io',
  ];
  let database: TestDatabase;
  let server: RunningServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startInProcess({
      DATABASE_URL: database.url,
      HTTP_ADAPTER: adapter,
      ALLOWED_ORIGINS: `${ALLOWED},https://other.example.com`,
      ADMIN_EMAIL: 'root@example.com',
      ADMIN_PASSWORD: 'correct horse battery',
      SIGN_IN_LIMIT: '3',
    });
  });

  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  const preflight = (origin: string) =>
    fetch(`${server.url}/auth/sign-in`, {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
    });
  const plain = (origin: string) => fetch(`${server.url}/health`, { headers: { Origin: origin } });
  const ADMIN = { email: 'root@example.com', password: 'correct horse battery' };

  it('[row 55] lets pages of exactly the allowed origins read answers', async () => {
    const allowed = await preflight(ALLOWED);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(ALLOWED);
    expect(allowed.headers.get('access-control-allow-credentials')).toBe('true');
    const methods = allowed.headers.get('access-control-allow-methods')?.split(/, ?/);
    expect(methods).toEqual(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
    expect(allowed.headers.get('vary')).toMatch(/\bOrigin\b/i);
    const exposed = (await plain('https://other.example.com')).headers.get('access-control-expose-headers');
    expect(exposed?.split(',').map((name) => name.trim())).toEqual([
      'Session-Token',
      'Retry-After',
      'RateLimit',
      'RateLimit-Policy',
    ]);
    expect((await fetch(`${server.url}/me`, { method: 'OPTIONS' })).status).toBe(204);
  });

  it.each(OTHERS)('[row 55] lets pages of %j read nothing', async (origin) => {
    for (const answer of [await preflight(origin), await plain(origin)]) {
      expect(answer.headers.has('access-control-allow-origin')).toBe(false);
    }
  });

  it('[row 52] signs nobody in from a page of another origin, whatever the type of the body', async () => {
    const client = () => new HttpClient(server.url);
    const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'];
    for (const type of types) {
      for (const sender of [{ Origin: 'https://evil.io' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
        const headers = { ...sender, 'Content-Type': type };
        const answer = await client().send('POST', '/auth/sign-in', ADMIN, headers);
        expect(answer).toMatchObject({ status: 403, body: { code: 'CROSS_SITE' } });
        expect(answer.headers.getSetCookie()).toEqual([]);
      }
    }
    for (const Origin of [server.url, ALLOWED]) {
      expect(await client().send('POST', '/auth/sign-in', ADMIN, { Origin })).toMatchObject({ status: 200 });
    }
  });

  it('[row 52] changes nothing by cookie from there', async () => {
    const browser = new HttpClient(server.url);
    await browser.signIn(ADMIN.email, ADMIN.password);
    for (const [method, path] of [
      ['POST', '/auth/sign-out'],
      ['POST', '/auth/password'],
      ['POST', '/admin/accounts'],
      ['DELETE', '/sessions'],
    ] as const) {
      const answer = await browser.send(method, path, undefined, { 'Sec-Fetch-Site': 'cross-site' });
      expect(answer).toMatchObject({ status: 403, body: { code: 'CROSS_SITE' } });
    }
    expect(await browser.get('/me')).toMatchObject({ status: 200 });
    expect(await browser.send('POST', '/auth/sign-out', undefined, { Origin: ALLOWED })).toMatchObject({ status: 204 });
  });

  it('tells how many failures are left, and when to come back', async () => {
    const client = new HttpClient(server.url);
    const attempt = () => client.signIn('limited@example.com', 'not the password');
    for (const remaining of [2, 1, 0]) {
      const { status, headers } = await attempt();
      expect(status).toBe(401);
      expect(headers.get('ratelimit-policy')).toBe('"sign-in";q=3;w=900');
      expect(headers.get('ratelimit')).toMatch(new RegExp(`^"sign-in";r=${remaining};t=(?:900|89[0-9])$`));
    }
    const refused = await attempt();
    expect(refused).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    const seconds = refused.headers.get('retry-after');
    expect(refused.headers.get('ratelimit')).toBe(`"sign-in";r=0;t=${seconds}`);
    expect((await client.signIn(ADMIN.email, ADMIN.password)).headers.get('ratelimit')).toMatch(/^"sign-in";r=3;t=/);
  });

  it('[row 54] serves its pages so that nothing foreign runs in them, frames them, or is told where they link from', async () => {
    for (const path of [
      ...['/docs', '/docs/swagger-ui-bundle.js', '/docs-json', '/docs/start.js', '/docs/none'],
      ...['/example', '/example/example.js', '/example/example.css', '/example/socket.io.js', '/example/none'],
    ]) {
      const { headers } = await fetch(`${server.url}${path}`);
      const policy = new Map(
        headers
          .get('content-security-policy')
          ?.split(';')
          .map((directive) => directive.trim().split(' '))
          .map(([name = '', ...values]) => [name, values]),
      );
      expect(policy.get('default-src')).toEqual(["'self'"]);
      expect(policy.get('script-src')).toEqual(["'self'"]);
      expect(policy.get('script-src-attr')).toEqual(["'none'"]);
      expect(policy.get('object-src')).toEqual(["'none'"]);
      expect(policy.get('base-uri')).toEqual(["'self'"]);
      expect(policy.get('form-action')).toEqual(["'self'"]);
      expect(policy.get('frame-ancestors')).toEqual(["'none'"]);
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
      });
    }
  });

  it('[row 54] answers the text of a user agent as JSON only, with its markup as text', async () => {
    const client = new HttpClient(server.url);
    const agent = '<script>alert(1)</script>';
    await client.send('POST', '/auth/sign-in', ADMIN, { 'User-Agent': agent });
    const answer = await client.get('/sessions/current');
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.body).toMatchObject({ userAgent: agent });
  });
});
