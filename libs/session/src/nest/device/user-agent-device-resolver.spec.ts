import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '../../../../../test/support/any-text.js';

import { MAX_USER_AGENT_LENGTH, UserAgentDeviceResolver } from './user-agent-device-resolver.js';

const resolver = new UserAgentDeviceResolver();
const resolve = (userAgent: string, hints: Record<string, string> = {}): unknown[] => {
  const { deviceType, deviceName } = resolver.resolve({ 'user-agent': userAgent, ...hints });
  return [deviceType, deviceName];
};

const KHTML = 'AppleWebKit/537.36 (KHTML, like Gecko)';
const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)';
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)';
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64)';
const ANDROID = 'Mozilla/5.0 (Linux; Android 10; K)';
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const IPAD = 'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const CHROME_ON_WINDOWS = `${WINDOWS} ${KHTML} Chrome/120.0.0.0 Safari/537.36`;

describe('UserAgentDeviceResolver', () => {
  it.each([
    ['Chrome on Windows', CHROME_ON_WINDOWS],
    ['Microsoft Edge on Windows', `${CHROME_ON_WINDOWS} Edg/120.0.0.0`],
    ['Internet Explorer on Windows', 'Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)'],
    ['Opera on Windows', 'Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18'],
    ['Safari on macOS', `${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15`],
    ['Firefox on Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0'],
    ['Chrome on Linux', `${LINUX} ${KHTML} HeadlessChrome/120.0.0.0 Safari/537.36`],
    ['Chrome on Chrome OS', `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${KHTML} Chrome/120.0.0.0 Safari/537.36`],
    ['Safari on iPhone', `${IPHONE} Version/17.4 Mobile/15E148 Safari/604.1`],
    ['Firefox on iPhone', `${IPHONE} FxiOS/121.0 Mobile/15E148 Safari/605.1.15`],
    ['Chrome on iPad', `${IPAD} CriOS/120.0.0.0 Mobile/15E148 Safari/604.1`],
    ['Chrome on Android', `${ANDROID} ${KHTML} Chrome/120.0.0.0 Mobile Safari/537.36`],
    ['Chrome on Android tablet', `${ANDROID} ${KHTML} Chrome/120.0.0.0 Safari/537.36`],
    ['Samsung Internet on Android', `${ANDROID} ${KHTML} SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36`],
    [
      'Chrome on Android',
      `Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 20) ${KHTML} Chrome/120.0.0.0 Mobile Safari/537.36`,
    ],
    [
      'Chrome on Android',
      `Mozilla/5.0 (Linux; Android 13; Pixel 7 Build/TQ2A; wv) ${KHTML} Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36`,
    ],
    ['PlayStation 4', 'Mozilla/5.0 (PlayStation 4 3.11) AppleWebKit/537.73 (KHTML, like Gecko)'],
  ])('takes a browser for web on whatever device: %s', (name, userAgent) => {
    expect(resolve(userAgent)).toEqual(['web', name]);
  });

  it.each([
    ['Mobile app on Android', 'okhttp/4.12.0'],
    ['Mobile app on Android', 'Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B Build/TP1A.220624.014)'],
    ['MyApp on iOS', 'MyApp/1 CFNetwork/1494.0.7 Darwin/23.4.0'],
    ['My App on iOS', 'My%20App/41 CFNetwork/1494.0.7 Darwin/23.4.0'],
    ['MyApp on iPhone', 'MyApp/3.2 (iPhone; iOS 17.4; Scale/3.00)'],
    ['MyApp on iPad', 'MyApp/3.2 (com.example.my; build:7; iPad; iOS 17.4.0) Alamofire/5.9.1'],
    ['MyApp on Android', 'MyApp/2.1 (Android 13)'],
    ['Mobile app', 'Dart/3.3 (dart:io)'],
  ])('takes a native application for mobile: %s', (name, userAgent) => {
    expect(resolve(userAgent)).toEqual(['mobile', name]);
  });

  it.each([
    ['Slack on macOS', `${MAC} ${KHTML} Slack/4.36.140 Chrome/120.0.6099.216 Electron/28.1.3 Safari/537.36`],
    ['Desktop app on Windows', `${WINDOWS} ${KHTML} Chrome/120.0.6099.216 Electron/28.1.3 Safari/537.36`],
    ['Thunderbird on Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.6.0'],
    ['Office on Windows', 'Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17126; Pro)'],
  ])('takes known desktop applications for desktop: %s', (name, userAgent) => {
    expect(resolve(userAgent)).toEqual(['desktop', name]);
  });

  it.each([
    ['curl', 'curl/8.4.0'],
    ['python-requests', 'python-requests/2.31.0'],
    ['PostmanRuntime', 'PostmanRuntime/7.36.0'],
    ['Googlebot', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'],
    ['ChatGPT-User', `Mozilla/5.0 ${KHTML}; compatible; ChatGPT-User/1.0; +https://openai.com/bot`],
    [null, 'Mozilla/5.0'],
    [null, 'unknown'],
    [null, ''],
    [null, '   '],
  ])('takes scripts, bots and the unknown for other: %s', (name, userAgent) => {
    expect(resolve(userAgent)).toEqual(['other', name]);
  });

  it('takes an absent user agent for other, and the first of several', () => {
    expect(resolver.resolve({})).toEqual({ deviceType: 'other', deviceName: null });
    expect(resolver.resolve({ 'user-agent': [] })).toEqual({ deviceType: 'other', deviceName: null });
    expect(resolver.resolve({ 'user-agent': [CHROME_ON_WINDOWS, 'curl/8'] }).deviceName).toBe('Chrome on Windows');
  });

  it('believes the platform hint over the frozen text', () => {
    const hints = { 'sec-ch-ua-platform': '"Chrome OS"', 'sec-ch-ua-mobile': '?0' };
    expect(resolve(`${LINUX} ${KHTML} Chrome/120.0.0.0 Safari/537.36`, hints)).toEqual(['web', 'Chrome on Chrome OS']);
  });

  it('tells a tablet from a phone by the mobile hint', () => {
    const userAgent = `${LINUX} ${KHTML} Chrome/120.0.0.0 Safari/537.36`;
    const android = { 'sec-ch-ua-platform': '"Android"' };
    expect(resolve(userAgent, { ...android, 'sec-ch-ua-mobile': '?0' })).toEqual(['web', 'Chrome on Android tablet']);
    expect(resolve(userAgent, { ...android, 'sec-ch-ua-mobile': '?1' })).toEqual(['web', 'Chrome on Android']);
  });

  it.each(['"Unknown"', 'Windows', '"<b>x</b>"', '"__proto__"', '', '"Windows"; x'])(
    'ignores the platform hint %j',
    (hint) => {
      expect(resolve(CHROME_ON_WINDOWS, { 'sec-ch-ua-platform': hint })).toEqual(['web', 'Chrome on Windows']);
    },
  );

  it('hints without a user agent make no browser', () => {
    expect(resolve('', { 'sec-ch-ua-platform': '"Windows"', 'sec-ch-ua-mobile': '?0' })).toEqual(['other', null]);
  });

  const hostile: Record<string, string> = {
    'markup before a product': '<script>alert(1)</script>/1.0 x (y)',
    'markup in a browser': 'Mozilla/5.0 <img src=x onerror=alert(1)> (x) y',
    'markup as an application': '<b>App</b>/1 okhttp/4',
    CRLF: 'App/1\r\nSet-Cookie: a=b\r\n okhttp/4',
    ESC: '\u001b[31mApp\u001b[0m/1 okhttp/4',
    NUL: 'Ap\0p/1 okhttp/4\0',
    'bidirectional overrides': '\u202eppA/1 okhttp/4',
    'lone surrogates': '\ud800App/1 \udfff okhttp/4',
    'a prototype': '__proto__/1 constructor/2',
    'percent-encoded markup': '%3Cscript%3E/1 CFNetwork/1 Darwin/1',
  };

  it.each(Object.entries(hostile))('[row 54] %s never reaches the name', (_, userAgent) => {
    expect(resolver.resolve({ 'user-agent': userAgent }).deviceName ?? 'none').toMatch(/^[\w .+-]+$/);
  });

  it('[row 54] names are plain text for any header', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'Mozilla/5.0',
        'Chrome/1',
        'okhttp/4',
        'Electron/1',
        'Android',
        '(',
        ';',
        ' ',
        '/',
        'bot',
        'iPhone',
      ),
      anyText(),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.string(), fc.string(), (pieces, platform, mobile) => {
        const headers = { 'user-agent': pieces.join(''), 'sec-ch-ua-platform': platform, 'sec-ch-ua-mobile': mobile };
        expect(resolver.resolve(headers).deviceName ?? 'none').toMatch(/^[\w .+-]{1,80}$/);
      }),
    );
  });

  it('reads no more of a user agent of 100 KB than its beginning', () => {
    const long = `${CHROME_ON_WINDOWS} ${'x'.repeat(100_000)}`;
    expect(resolve(long)).toEqual(['web', 'Chrome on Windows']);
    expect(resolve(`${'x'.repeat(100_000)} ${CHROME_ON_WINDOWS}`)).toEqual(['other', null]);
    expect(resolve(`${'x'.repeat(MAX_USER_AGENT_LENGTH)} okhttp/4`)).toEqual(['other', null]);
  });

  it.each([
    'a',
    ' ',
    '/',
    '(',
    'a/1 ',
    'a/',
    '%20',
    'a%20',
    'bot',
    'Mozilla/5.0 (',
    'version/1.1_',
    'Version/1',
    'opt/1.',
    'Opera/9 Version/1_1.',
    'Macintosh FxiOS',
    'Android ',
    'microsoft ',
    '/a b (',
    '\r\n',
    '\ud800',
    'slackbot-',
  ])('takes about as long for 100 KB of %j as for a browser', (piece) => {
    const fastest = (userAgent: string): number =>
      Math.min(
        ...Array.from({ length: 7 }, () => {
          const start = performance.now();
          resolve(userAgent);
          return performance.now() - start;
        }),
      );
    const browser = fastest(CHROME_ON_WINDOWS);
    const text = piece.repeat(Math.ceil(100_000 / piece.length));
    // Backtracking over 100 KB, or exponentially over 1 KB, would take more than a thousand times as long.
    for (const userAgent of [text, `Mozilla/5.0 ${text}`, `Mozilla/5.0 (Windows) ${text}\0`]) {
      expect(fastest(userAgent)).toBeLessThan(200 * Math.max(browser, 0.02));
    }
  });
});
