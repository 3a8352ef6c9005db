import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess } from '../support/server.js';
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

    it.each(['/docs/package.json', '/docs/..%2fpackage.json', '/docs/__proto__', '/docs/../main.ts'])(
      'has no %s',
      async (path) => {
        expectProblem(await raw(path), 404);
      },
    );
  });
});

describe.each(['express', 'fastify'])('CORS on %s', (adapter) => {
  it('[row 55] lets pages of exactly the allowed origins read answers', async () => {
    const database = await createTestDatabase();
    const server = await startInProcess({
      DATABASE_URL: database.url,
      HTTP_ADAPTER: adapter,
      ALLOWED_ORIGINS: 'https://app.example.com,https://other.example.com',
    });
    const preflight = (origin: string) =>
      fetch(`${server.url}/auth/sign-in`, {
        method: 'OPTIONS',
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
      });
    const plain = (origin: string) => fetch(`${server.url}/health`, { headers: { Origin: origin } });
    try {
      const allowed = await preflight('https://app.example.com');
      expect(allowed.status).toBe(204);
      expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
      expect(allowed.headers.get('access-control-allow-credentials')).toBe('true');
      expect((await plain('https://other.example.com')).headers.get('access-control-expose-headers')).toContain(
        'Session-Token',
      );
      for (const origin of [
        'null',
        'https://app.example.com.evil.io',
        'http://app.example.com',
        'https://example.com',
      ]) {
        expect((await preflight(origin)).headers.has('access-control-allow-origin')).toBe(false);
        expect((await plain(origin)).headers.has('access-control-allow-origin')).toBe(false);
      }
      expect((await fetch(`${server.url}/me`, { method: 'OPTIONS' })).status).toBe(204);
    } finally {
      await server.stop();
      await database.drop();
    }
  });
});
