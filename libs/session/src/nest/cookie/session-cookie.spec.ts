import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import request from 'supertest';

import { clearSiteData, noStore, SessionCookie } from './session-cookie.js';

const NOW = 1_700_000_000_000;
const clock = { now: () => NOW };
const secure = new SessionCookie({ secure: true, clock });
const plain = new SessionCookie({ secure: false, clock });

function nodeResponse(): ServerResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}

function written(cookie: SessionCookie, leftMs: number, rememberMe: boolean): unknown {
  const response = nodeResponse();
  cookie.write(response, 'token', { expiresAt: NOW + leftMs, rememberMe });
  return response.getHeader('set-cookie');
}

describe('SessionCookie', () => {
  it('[row 50] writes a __Host- cookie: Secure, HttpOnly, SameSite=Lax, Path=/, no Domain', () => {
    expect(secure.name).toBe('__Host-session');
    expect(written(secure, 60_000, false)).toBe('__Host-session=token; Path=/; HttpOnly; SameSite=Lax; Secure');
  });

  it('[row 50] has a plain name and no Secure over plain http', () => {
    expect(plain.name).toBe('session');
    expect(written(plain, 60_000, false)).toBe('session=token; Path=/; HttpOnly; SameSite=Lax');
  });

  it('takes another name and the stricter SameSite', () => {
    const cookie = new SessionCookie({ name: '__Host-app', secure: true, sameSite: 'strict', clock });
    expect(written(cookie, 60_000, false)).toBe('__Host-app=token; Path=/; HttpOnly; SameSite=Strict; Secure');
  });

  it.each([
    [60_000, 60],
    [60_999, 60],
    [1_000, 1],
    [999, 0],
    [0, 0],
    [-5_000, 0],
  ])('[row 17] Max-Age of a session with %d ms left is %d s', (leftMs, seconds) => {
    expect(written(secure, leftMs, true)).toBe(
      `__Host-session=token; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=${seconds}`,
    );
  });

  it('clears with the same attributes, no value and an end in the past', () => {
    const response = nodeResponse();
    secure.clear(response);
    expect(response.getHeader('set-cookie')).toBe(
      '__Host-session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    );
  });

  it('[row 33] clears what it wrote: name and attributes match', () => {
    for (const cookie of [secure, plain, new SessionCookie({ secure: true, sameSite: 'strict', clock })]) {
      const response = nodeResponse();
      cookie.clear(response);
      const cleared = String(response.getHeader('set-cookie')).replace(/; Max-Age=0; Expires=.*/, '');
      expect(cleared).toBe(String(written(cookie, 60_000, false)).replace('=token', '='));
    }
  });

  it('[row 53] makes each answer with the cookie no-store, whatever was set before', () => {
    for (const change of [
      (response: ServerResponse): void => {
        secure.write(response, 'token', { expiresAt: NOW + 1_000, rememberMe: true });
      },
      (response: ServerResponse): void => {
        secure.clear(response);
      },
      noStore,
    ]) {
      const response = nodeResponse();
      response.setHeader('Cache-Control', 'public, max-age=600');
      change(response);
      expect(response.getHeader('cache-control')).toBe('no-store');
    }
  });

  it('[row 6] sends one line for the session: a later write or clear replaces it', () => {
    const response = nodeResponse();
    response.setHeader('Set-Cookie', ['theme=dark; Path=/']);
    secure.write(response, 'dead', { expiresAt: NOW + 60_000, rememberMe: true });
    secure.clear(response);
    expect(JSON.stringify(response.getHeader('set-cookie'))).not.toContain('dead');
    secure.write(response, 'alive', { expiresAt: NOW + 60_000, rememberMe: false });
    expect(response.getHeader('set-cookie')).toEqual([
      'theme=dark; Path=/',
      '__Host-session=alive; Path=/; HttpOnly; SameSite=Lax; Secure',
    ]);
  });

  it('leaves cookies of the application alone, those with a similar name or another path too', () => {
    const others = ['__Host-session2=x; Path=/', '__Host-session=; Path=/old; Max-Age=0', 'x__Host-session=y', 'a=1'];
    const response = nodeResponse();
    response.setHeader('Set-Cookie', others);
    secure.write(response, 'token', { expiresAt: NOW + 60_000, rememberMe: false });
    expect(response.getHeader('set-cookie')).toEqual([...others, expect.stringContaining('__Host-session=token')]);
  });

  it('works on Express beside its own cookies', async () => {
    const app = new ExpressAdapter().getInstance<{ get(path: string, handle: (...args: never[]) => void): void }>();
    app.get('/', (_req: never, res: { cookie(name: string, value: string): void; end(): void }) => {
      res.cookie('a', '1');
      secure.write(res, 'token', { expiresAt: NOW + 60_000, rememberMe: false });
      res.cookie('b', '2');
      clearSiteData(res);
      res.end();
    });
    const { headers } = await request(app as never).get('/');
    expect(headers['set-cookie']).toEqual(['a=1; Path=/', written(secure, 60_000, false), 'b=2; Path=/']);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'clear-site-data': '"cache", "storage"' });
  });

  it('works on Fastify beside its own cookies', async () => {
    const app = new FastifyAdapter().getInstance();
    app.get('/', (_req, reply) => {
      reply.header('set-cookie', 'a=1');
      secure.write(reply, 'token', { expiresAt: NOW + 60_000, rememberMe: false });
      reply.header('set-cookie', 'b=2');
      clearSiteData(reply);
      return '';
    });
    await app.ready();
    const { headers } = await request(app.server).get('/');
    expect(headers['set-cookie']).toEqual(['a=1', written(secure, 60_000, false), 'b=2']);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'clear-site-data': '"cache", "storage"' });
  });

  it.each(['', 'a b', 'a;b', 'a=b', 'a\r\nb', 'ä', 'a,b', '"a"'])('refuses %j as a name', (name) => {
    expect(() => new SessionCookie({ name, secure: true, clock })).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION_INVALID' }),
    );
  });

  it.each(['__Host-session', '__Secure-session', '__host-session'])('[row 50] refuses %s without Secure', (name) => {
    expect(() => new SessionCookie({ name, secure: false, clock })).toThrow(/without Secure/);
  });

  it.each(['a; Domain=evil.example', 'a\r\nSet-Cookie: b=c', 'a b', 'a"', 'ä', ''])(
    'refuses a token that would break out of the cookie, and does not tell it: %j',
    (token) => {
      const response = nodeResponse();
      const write = (): void => {
        secure.write(response, token, { expiresAt: NOW + 60_000, rememberMe: false });
      };
      expect(write).toThrow(new TypeError('The token has characters that a cookie cannot carry.'));
      expect(response.hasHeader('set-cookie')).toBe(false);
    },
  );
});

describe('clearSiteData', () => {
  it('[row 33] clears cache and storage, and not the cookies of the neighbours', () => {
    const response = nodeResponse();
    clearSiteData(response);
    expect(response.getHeader('clear-site-data')).toBe('"cache", "storage"');
  });

  it('clears what it is told, and nothing for an empty list', () => {
    const response = nodeResponse();
    clearSiteData(response, []);
    expect(response.hasHeader('clear-site-data')).toBe(false);
    clearSiteData(response, ['cache', 'cookies', 'storage']);
    expect(response.getHeader('clear-site-data')).toBe('"cache", "cookies", "storage"');
  });
});
