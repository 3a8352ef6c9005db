import { METHODS } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, send, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { checksum } from './support/rows.js';
import { flushTouches } from './support/time.js';

/** `:id` is a live session of the user. */
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  '/sessions': ['GET', 'DELETE'],
  '/sessions/current': ['GET'],
  '/sessions/:id': ['PATCH', 'DELETE'],
  '/admin/sessions': ['GET'],
  '/admin/sessions/revoke': ['POST'],
  '/admin/sessions/:id': ['GET', 'DELETE'],
  '/admin/sessions/:id/events': ['GET'],
  '/admin/sessions/:id/suspend': ['POST'],
  '/admin/sessions/:id/resume': ['POST'],
  '/admin/users/user/sessions': ['GET', 'DELETE'],
  '/admin/users/user/sessions/:id': ['DELETE'],
  '/admin/cut-offs': ['POST'],
};

/** Node turns CONNECT into something else; OPTIONS belongs to CORS. */
const VERBS = METHODS.filter((method) => method !== 'CONNECT' && method !== 'OPTIONS');

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let user: Client;
  let admin: Client;
  let before: string;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    admin = await signedIn(node, { userId: 'admin' });
    user = await signedIn(node, { userId: 'user' });
  });
  afterAll(() => node.close());
  beforeEach(async () => {
    await flushTouches(node);
    before = await checksum(node);
  });

  const pathOf = (route: string): string => route.replace(':id', user.sessionId);
  const nothingChanged = async (): Promise<void> => {
    expect(await checksum(node)).toBe(before);
    expect(await user.alive()).toBe(200);
  };

  it.each(Object.entries(ROUTES))(
    '[row 49] %s answers every verb but %j with 405 and Allow',
    async (route, allowed) => {
      const others = VERBS.filter((verb) => !allowed.includes(verb === 'HEAD' ? 'GET' : verb));
      expect(others.length).toBeGreaterThan(20);
      for (const verb of others) {
        for (const client of [admin, user]) {
          const answer = await client.request(verb, pathOf(route), { headers: { 'content-type': 'application/json' } });
          expect({ verb, status: answer.status, allow: answer.headers['allow'] }).toEqual({
            verb,
            status: 405,
            allow: allowed.join(', '),
          });
          if (verb !== 'HEAD') expectProblem(answer, 'METHOD_NOT_ALLOWED');
        }
      }
      await nothingChanged();
    },
  );

  it('[row 49] the 405 needs no session, and tells nothing about ids', async () => {
    for (const id of [user.sessionId, randomUUID(), 'x', '%00', 'current%2f']) {
      const answer = await send(node.url, 'PUT', `/sessions/${id}`);
      expectProblem(answer, 'METHOD_NOT_ALLOWED');
      expect(answer.text).not.toContain(id);
    }
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE'])('[row 49] %s changes nothing on any route', async (verb) => {
    const marker = randomUUID();
    for (const route of [...Object.keys(ROUTES), '/me', '/sign-in', '/sign-out']) {
      for (const client of [admin, user]) {
        const { status, text } = await client.request(verb, pathOf(route), { headers: { 'x-marker': marker } });
        expect(status).toBeLessThan(500);
        // TRACE would repeat what it was sent, cookies included.
        expect(text).not.toContain(marker);
      }
    }
    await nothingChanged();
  });

  it('[row 49] the answer to HEAD is that to GET without its body', async () => {
    for (const path of ['/sessions', '/sessions/current', '/admin/sessions']) {
      const [head, get] = [await admin.request('HEAD', path), await admin.get(path)];
      expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: '' });
      expect(get.status).toBe(200);
      expect(head.headers['cache-control']).toBe('no-store');
    }
  });

  it.each(['x-http-method-override', 'x-http-method', 'x-method-override'])(
    '[row 49] %s turns no verb into another, nor does _method',
    async (header) => {
      const path = `/sessions/${user.sessionId}`;
      const headers = { [header]: 'DELETE' };
      expectProblem(await user.request('POST', path, { headers }), 'METHOD_NOT_ALLOWED');
      expectProblem(await user.request('POST', `${path}?_method=DELETE`, { headers }), 'METHOD_NOT_ALLOWED');
      expectProblem(await user.request('POST', path, { body: { _method: 'DELETE' } }), 'METHOD_NOT_ALLOWED');
      expect((await user.request('GET', '/sessions', { headers })).status).toBe(200);
      expectProblem(await user.request('GET', path, { headers }), 'METHOD_NOT_ALLOWED');
      await nothingChanged();
    },
  );

  it('[row 49] under a prefix it is the same, and beside it there is nothing', async () => {
    const prefixed = await startTestApp({ adapter, joins: node, extras: { rest: { prefix: '/api/v1.0/' } } });
    try {
      const client = user.at(prefixed);
      expectProblem(await client.post('/api/v1.0/sessions'), 'METHOD_NOT_ALLOWED');
      expect((await client.get('/api/v1.0/sessions')).status).toBe(200);
      for (const path of ['/sessions', '/api/v1x0/sessions']) {
        for (const verb of ['GET', 'POST', 'DELETE']) expect((await client.request(verb, path)).status).toBe(404);
      }
    } finally {
      await prefixed.close();
    }
  });

  it('[row 49] under the application’s global prefix it is the same', async () => {
    const configure = (app: INestApplication) => app.setGlobalPrefix('api');
    const extras = { rest: { prefix: 'v1' } };
    const prefixed = await startTestApp({ adapter, joins: node, configure, extras });
    try {
      const client = user.at(prefixed);
      expectProblem(await client.post('/api/v1/sessions'), 'METHOD_NOT_ALLOWED');
      expectProblem(await client.del('/api/v1/admin/sessions'), 'METHOD_NOT_ALLOWED');
      expect((await client.get('/api/v1/sessions')).status).toBe(200);
      expect((await client.get('/v1/sessions')).status).toBe(404);
    } finally {
      await prefixed.close();
    }
  });

  it('[row 49] without an access policy the administrators’ routes do not exist, whatever the verb', async () => {
    const plain = await startTestApp({ adapter, joins: node, extras: { accessPolicy: undefined } });
    try {
      for (const route of Object.keys(ROUTES).filter((path) => path.startsWith('/admin'))) {
        for (const verb of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
          expect((await admin.at(plain).request(verb, pathOf(route))).status).toBe(404);
        }
      }
      await nothingChanged();
    } finally {
      await plain.close();
    }
  });
});
