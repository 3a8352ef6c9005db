import { describe, expect, it } from '@jest/globals';
import { CrossSiteRule, isOrigin, isUnsafe } from './cross-site.js';

const HOST = 'app.example.com';
const ALLOWED = 'https://partner.example.org';

function isForeign(headers: Record<string, string | string[]>, allowSameSite = false): boolean {
  const rule = new CrossSiteRule({ enabled: true, allowedOrigins: [ALLOWED], allowSameSite });
  return rule.isForeign({ headers: { host: HOST, ...headers } });
}

describe('[row 52] a request from another site', () => {
  it.each(['cross-site', 'same-site', '', 'none, cross-site', 'same-origin, same-origin', 'SAME-ORIGIN', 'whatever'])(
    'is one whose Sec-Fetch-Site is %j',
    (site) => {
      expect(isForeign({ 'sec-fetch-site': site })).toBe(true);
      expect(isForeign({ 'sec-fetch-site': site, origin: `https://${HOST}` })).toBe(true);
    },
  );

  it.each(['same-origin', 'none'])('is none whose Sec-Fetch-Site is %s, whatever a proxy made of the host', (site) => {
    expect(isForeign({ 'sec-fetch-site': site, origin: 'null' })).toBe(false);
    expect(isForeign({ 'sec-fetch-site': site, origin: `https://${HOST}`, host: 'upstream:3000' })).toBe(false);
  });

  it('may be one of the same site only where that is allowed', () => {
    expect(isForeign({ 'sec-fetch-site': 'same-site' }, true)).toBe(false);
    expect(isForeign({ 'sec-fetch-site': 'cross-site' }, true)).toBe(true);
  });

  it.each([
    'null',
    '',
    `https://${HOST}.evil.io`,
    `https://evil.io/${HOST}`,
    `https://evil-${HOST}`,
    `https://x.${HOST}`,
    'https://example.com',
    `https://${HOST}:8443`,
    `https://${HOST}@evil.io`,
    `https://user@${HOST}`,
    `https://${HOST}/`,
    `https://${HOST} https://evil.io`,
    `//${HOST}`,
    HOST,
    `javascript://${HOST}`,
    'a://[',
    'a://x:99999',
    `capacitor://${HOST}`,
    `${ALLOWED}.evil.io`,
    `${ALLOWED}/`,
    ALLOWED.toUpperCase(),
    ALLOWED.replace('https', 'http'),
  ])('is one with the origin %j where the browser says nothing else', (origin) => {
    expect(isForeign({ origin })).toBe(true);
  });

  it('is one with two origins, with an own one or an allowed one among them', () => {
    expect(isForeign({ origin: `https://${HOST}, https://evil.io` })).toBe(true);
    expect(isForeign({ origin: [ALLOWED, 'https://evil.io'] })).toBe(true);
  });

  it.each([
    [HOST, `https://${HOST}`],
    [`${HOST}:443`, `https://${HOST}`],
    [`${HOST}:80`, `http://${HOST}`],
    [HOST.toUpperCase(), `https://${HOST}`],
    ['127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['[::1]:3000', 'http://[::1]:3000'],
  ])('is none with the host %s and the origin %s', (host, origin) => {
    expect(isForeign({ host, origin })).toBe(false);
  });

  it('is one with an origin and no host', () => {
    const rule = new CrossSiteRule({ enabled: true, allowedOrigins: [], allowSameSite: false });
    expect(rule.isForeign({ headers: { origin: `https://${HOST}` } })).toBe(true);
    expect(rule.isForeign({ headers: { origin: `https://${HOST}`, ':authority': HOST } })).toBe(false);
  });

  it('is none from an allowed origin, nor without any sign of a page', () => {
    expect(isForeign({ origin: ALLOWED })).toBe(false);
    expect(isForeign({ origin: ALLOWED, 'sec-fetch-site': 'cross-site' })).toBe(false);
    expect(isForeign({})).toBe(false);
  });

  it('may change something with any method but the safe ones', () => {
    expect(['GET', 'HEAD', 'OPTIONS', 'TRACE'].filter(isUnsafe)).toEqual([]);
    const unsafe = ['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE', 'get', ''];
    expect(unsafe.filter(isUnsafe)).toEqual(unsafe);
    // A handshake of a socket or an RPC message is no HTTP request.
    expect(isUnsafe(undefined)).toBe(false);
  });
});

describe('an origin', () => {
  it.each(['https://a.example', 'http://localhost:3000', 'https://[::1]:8443', 'capacitor://localhost'])(
    'is %s',
    (text) => {
      expect(isOrigin(text)).toBe(true);
    },
  );

  it.each([
    'null',
    '*',
    '',
    'https://A.example',
    'https://a.example/',
    'https://a.example:443',
    'a.example',
    'https://*.a',
  ])('is not %j', (text) => {
    expect(isOrigin(text)).toBe(false);
  });
});
