import { describe, expect, it } from '@jest/globals';

import { CookieOrBearerExtractor } from './credential.js';

const extractor = new CookieOrBearerExtractor('session');

describe('CookieOrBearerExtractor', () => {
  it('finds the cookie', () => {
    expect(extractor.extract({ headers: { cookie: 'a=1; session=token' } })).toEqual({
      kind: 'cookie',
      token: 'token',
    });
  });

  it.each(['Bearer token', 'bearer token', 'BEARER token', 'bEaReR   token'])(
    'finds the bearer whatever the case of its scheme: %s',
    (authorization) => {
      expect(extractor.extract({ headers: { authorization } })).toEqual({ kind: 'bearer', token: 'token' });
    },
  );

  it('gives undefined where nothing is presented', () => {
    expect(extractor.extract({ headers: {} })).toBeUndefined();
    expect(extractor.extract({ headers: { cookie: 'theme=dark' } })).toBeUndefined();
    expect(extractor.extract({ headers: { cookie: 'session=' } })).toBeUndefined();
    expect(extractor.extract({ headers: { cookie: 'session=a; session=b' } })).toBeUndefined();
  });

  it('lets the bearer win over the cookie of another user', () => {
    const headers = { authorization: 'Bearer explicit', cookie: 'session=ambient' };
    expect(extractor.extract({ headers })).toEqual({ kind: 'bearer', token: 'explicit' });
  });

  it.each([
    ['Bearer', ''],
    ['Bearer ', ''],
    ['Bearer a b', 'a b'],
    ['Bearer\ttoken', '\ttoken'],
    ['Bearer "token"', '"token"'],
    ['Bearer,token', ',token'],
    ['Bearer one, Bearer two', 'one, Bearer two'],
  ])('does not fall back to the cookie for the malformed bearer %j', (authorization, token) => {
    const headers = { authorization, cookie: 'session=ambient' };
    expect(extractor.extract({ headers })).toEqual({ kind: 'bearer', token });
  });

  it.each(['Basic dXNlcjpwYXNz', 'BearerToken abc', 'Bearer-x abc', 'Token abc', '', 'ids_token'])(
    'leaves the scheme of %j to others and reads the cookie',
    (authorization) => {
      expect(extractor.extract({ headers: { authorization } })).toBeUndefined();
      const headers = { authorization, cookie: 'session=token' };
      expect(extractor.extract({ headers })).toEqual({ kind: 'cookie', token: 'token' });
    },
  );

  it('takes two Authorization headers for no credential, and does not ask the cookie then', () => {
    const headers = { authorization: 'Bearer one', cookie: 'session=ambient' };
    const rawHeaders = ['Host', 'x', 'Authorization', 'Bearer one', 'authorization', 'Bearer two'];
    expect(extractor.extract({ headers, rawHeaders })).toBeUndefined();
    expect(extractor.extract({ headers, raw: { rawHeaders } })).toBeUndefined();
    expect(extractor.extract({ headers: { ...headers, authorization: ['Bearer one', 'Bearer two'] } })).toBeUndefined();
  });

  it('does not count values that read like the header', () => {
    const rawHeaders = ['X-Note', 'authorization', 'Authorization', 'Bearer one', 'Accept-Charset', 'authorization'];
    expect(extractor.extract({ headers: { authorization: 'Bearer one' }, rawHeaders })).toEqual({
      kind: 'bearer',
      token: 'one',
    });
  });

  it('[row 51] sees a duplicate across several Cookie headers', () => {
    expect(extractor.extract({ headers: { cookie: ['a=1', 'session=token'] } })).toEqual({
      kind: 'cookie',
      token: 'token',
    });
    expect(extractor.extract({ headers: { cookie: ['session=one', 'session=two'] } })).toBeUndefined();
  });

  it('[row 9] ignores tokens in query, path and body', () => {
    const request = {
      headers: {},
      url: '/session/token?session=token&access_token=token',
      query: { session: 'token', access_token: 'token', token: 'token' },
      params: { session: 'token' },
      body: { session: 'token', access_token: 'token' },
      cookies: { session: 'token' },
    };
    expect(extractor.extract(request)).toBeUndefined();
  });

  it('[row 9] ignores tokens in other headers', () => {
    const headers = { 'x-session': 'token', 'x-authorization': 'Bearer token', 'proxy-authorization': 'Bearer token' };
    expect(extractor.extract({ headers })).toBeUndefined();
  });

  it('passes tokens of any length and content on without a look', () => {
    for (const token of ['x', '\0', 'ÿþ', '%00', 'x'.repeat(15_000), '__proto__']) {
      expect(extractor.extract({ headers: { authorization: `Bearer ${token}` } })).toEqual({ kind: 'bearer', token });
      expect(extractor.extract({ headers: { cookie: `session=${token}` } })).toEqual({ kind: 'cookie', token });
    }
  });
});
