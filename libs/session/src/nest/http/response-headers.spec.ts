import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import request from 'supertest';

import { appendHeader, setHeader } from './response-headers.js';

interface Express {
  get(
    path: string,
    handle: (req: unknown, res: { end(): void; cookie(name: string, value: string): void }) => void,
  ): void;
}

/** What a client sees after `change` had the response of each kind in hand. */
const kinds: Record<string, (change: (response: unknown) => void) => Promise<Record<string, unknown>>> = {
  express: async (change) => {
    const app = new ExpressAdapter().getInstance<Express>();
    app.get('/', (_req, res) => {
      change(res);
      res.end();
    });
    return (await request(app as never).get('/')).headers;
  },
  fastify: async (change) => {
    const app = new FastifyAdapter().getInstance();
    app.get('/', (_req, reply) => {
      change(reply);
      return '';
    });
    await app.ready();
    return (await request(app.server).get('/')).headers;
  },
  node: (change) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    change(response);
    return Promise.resolve(response.getHeaders());
  },
};

describe.each(Object.entries(kinds))('response headers on %s', (_, headersAfter) => {
  it('sets a header in place of the one before', async () => {
    const headers = await headersAfter((response) => {
      setHeader(response, 'Cache-Control', 'public, max-age=60');
      setHeader(response, 'Cache-Control', 'no-store');
    });
    expect(headers['cache-control']).toBe('no-store');
  });

  it('replaces even Set-Cookie when told to set', async () => {
    const headers = await headersAfter((response) => {
      appendHeader(response, 'Set-Cookie', 'a=1');
      setHeader(response, 'Set-Cookie', 'b=2');
    });
    expect([headers['set-cookie']].flat()).toEqual(['b=2']);
  });

  it('appends and keeps the order', async () => {
    const headers = await headersAfter((response) => {
      for (const line of ['a=1', 'b=2', 'c=3']) appendHeader(response, 'Set-Cookie', line);
    });
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2', 'c=3']);
  });

  it('lets only those lines make way that it is told', async () => {
    const headers = await headersAfter((response) => {
      for (const line of ['a=1', 'b=2', 'a=3']) {
        appendHeader(response, 'Set-Cookie', line, (other) => other.startsWith('a='));
      }
    });
    expect(headers['set-cookie']).toEqual(['b=2', 'a=3']);
  });
});

it('keeps cookies that middleware put on the raw response of Fastify, which itself would lose them', async () => {
  const app = new FastifyAdapter().getInstance();
  app.get('/', (_req, reply) => {
    reply.raw.setHeader('Set-Cookie', ['raw=1', 'raw=2']);
    appendHeader(reply, 'Set-Cookie', 'session=3');
    return '';
  });
  await app.ready();
  const { headers } = await request(app.server).get('/');
  expect(headers['set-cookie']).toEqual(['raw=1', 'raw=2', 'session=3']);
});

it.each([undefined, null, {}, 'response', 5, { setHeader: 1, getHeader: 1 }, { getHeader: () => 1 }])(
  'refuses %j, which is no response, and says what to pass',
  (response) => {
    const refusal = expect.objectContaining({
      code: 'CONFIGURATION_INVALID',
      message: expect.stringContaining('Pass'),
    });
    expect(() => {
      setHeader(response, 'a', 'b');
    }).toThrow(refusal);
    expect(() => {
      appendHeader(response, 'a', 'b');
    }).toThrow(refusal);
  },
);
