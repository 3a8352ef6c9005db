import { getParser } from 'bowser';

import type { DeviceType } from '../../core/session.js';
import type { IncomingHeadersCarrier } from '../credential/credential.js';
import type { DeviceResolver, ResolvedDevice } from './device-resolver.js';

type Headers = IncomingHeadersCarrier['headers'];
type Parser = ReturnType<typeof getParser>;

/** User agents are read up to here; real ones are shorter, and the time to parse stays bounded. */
export const MAX_USER_AGENT_LENGTH = 1_024;

// Every pattern below is bounded or free of nested repetition: none backtracks more than a few characters.
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cf}]/gu;
/** Phones by Cubot have "CUBOT" in their browsers' user agents. */
const BOT = /(?<!cu)bot\b|crawler|spider|slurp|pingdom|externalhit/i;
const DESKTOP_APP = /\b(?:electron|nwjs|tauri|cefsharp|thunderbird|microsoft (?:office|outlook))[/ ]/i;
const MOBILE_HTTP_CLIENT = /\b(?:okhttp|dalvik|cfnetwork|alamofire|dart|expo|reactnative)\//i;
const MOBILE_SYSTEM = /\b(?:android|iphone|ipad|ipod|ios)\b/i;
/** All browsers call themselves so; what does not is an application. */
const BROWSER_PREFIX = /^(?:mozilla|opera)\//i;
const PRODUCT = /(?:^|[\s(;])([a-z](?:[\w.+-]|%20){0,39})\/[0-9]/gi;
/** Products that tell the engine or the library, not the application. */
const ENGINES = new Set(
  'mozilla applewebkit gecko chrome chromium safari version mobile build electron cfnetwork darwin okhttp dalvik dart alamofire expo reactnative'.split(
    ' ',
  ),
);
const MOBILE_PLACES: readonly (readonly [RegExp, string])[] = [
  [/iphone/i, 'iPhone'],
  [/ipad/i, 'iPad'],
  [/\bios\b|cfnetwork/i, 'iOS'],
  [/android|okhttp|dalvik/i, 'Android'],
];
/** Values of Sec-CH-UA-Platform that may be shown. */
const HINTED_PLATFORMS: ReadonlyMap<string, string> = new Map(
  ['Android', 'Chrome OS', 'iOS', 'Linux', 'macOS', 'Windows'].map((name) => [`"${name}"`, name]),
);

/**
 * Tells the device from the User-Agent and, where browsers send them, the client hints for platform and form.
 *
 * - `web`: a browser, on whatever device, a web view inside an application too: it keeps cookies and pages as one.
 * - `mobile`: a native application on a phone or tablet (okhttp, Dalvik, CFNetwork, Dart, or no browser but a mobile
 *   system in the text). Mac applications on CFNetwork look the same; let them name their type at sign-in.
 * - `desktop`: Electron and other known desktop applications.
 * - `other`: scripts, bots, unknown and absent.
 *
 * Names are made of known words, such as "Chrome on Windows", "Safari on iPhone", "Slack on macOS"; only an
 * application's own name comes from the text, and that only in ASCII letters, digits, spaces and `._+-`. So neither
 * markup nor control characters reach a page or a log line.
 */
export class UserAgentDeviceResolver implements DeviceResolver {
  resolve(headers: Headers): ResolvedDevice {
    const userAgent = (single(headers['user-agent']) ?? '')
      .slice(0, MAX_USER_AGENT_LENGTH)
      .replaceAll(CONTROL_CHARACTERS, ' ')
      .trim();
    if (userAgent === '' || BOT.test(userAgent)) return device('other', applicationName(userAgent), undefined);
    const parser = getParser(userAgent, true);
    if (DESKTOP_APP.test(userAgent)) {
      return device('desktop', applicationName(userAgent) ?? 'Desktop app', placeOf(parser, headers));
    }
    const isBrowser = BROWSER_PREFIX.test(userAgent);
    if (MOBILE_HTTP_CLIENT.test(userAgent) || (!isBrowser && MOBILE_SYSTEM.test(userAgent))) {
      const place = MOBILE_PLACES.find(([pattern]) => pattern.test(userAgent))?.[1];
      return device('mobile', applicationName(userAgent) ?? 'Mobile app', place);
    }
    const browser = isBrowser && parser.getPlatformType(true) !== 'bot' ? browserName(parser) : null;
    if (browser === null) return device('other', applicationName(userAgent), undefined);
    return device('web', browser, placeOf(parser, headers));
  }
}

function device(deviceType: DeviceType, name: string | null, place: string | undefined): ResolvedDevice {
  const deviceName = name === null || place === undefined || place === name ? name : `${name} on ${place}`;
  return { deviceType, deviceName };
}

function browserName(parser: Parser): string | null {
  const name = parser.getBrowserName();
  // What the parser does not know it names after the text's beginning, which is this word in every browser.
  if (name === '' || /^mozilla/i.test(name)) return null;
  return name.replace(/ for Android$/, '');
}

function applicationName(userAgent: string): string | null {
  for (const [, product] of userAgent.matchAll(PRODUCT)) {
    if (product !== undefined && !ENGINES.has(product.toLowerCase())) return product.replaceAll('%20', ' ');
  }
  return null;
}

/** The device or the system that the application runs on. */
function placeOf(parser: Parser, headers: Headers): string | undefined {
  const { type, vendor, model } = parser.getPlatform();
  if (vendor === 'Apple' && model !== undefined) return model;
  const hinted = HINTED_PLATFORMS.get(single(headers['sec-ch-ua-platform']) ?? '');
  const system = hinted ?? parser.getOSName();
  if (system === 'Android') {
    const form = single(headers['sec-ch-ua-mobile']);
    return (form === undefined ? type === 'tablet' : form === '?0') ? 'Android tablet' : 'Android';
  }
  return system === '' ? undefined : system;
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}
