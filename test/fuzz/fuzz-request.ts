import { gzipSync } from 'node:zlib';
import type { Random } from '../nemesis/random.js';
import { type Held, PASSWORD, type Person } from './people.js';

/** One request, and what is known of whom it may be answered as. */
export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: string | Buffer | undefined;
  /** Sessions whose tokens are anywhere in the credentials. */
  readonly presented: readonly Held[];
  /** Who signs in by it, where it does. */
  readonly signsIn: { readonly person: Person; readonly transport: 'cookie' | 'bearer' } | undefined;
  /** The client gives up after this long, or not at all. */
  readonly abortAfterMs: number | undefined;
  /** Nothing of it was damaged on purpose. */
  readonly isWhole: boolean;
}

type Draft = { -readonly [K in keyof FuzzRequest]: FuzzRequest[K] };

const ODD_TEXTS = [
  '',
  ' ',
  '*',
  'user:*',
  '{x}',
  '%00',
  '%ff%fe',
  '%2e%2e%2f',
  '../../etc/passwd',
  "' OR '1'='1",
  '"><script>alert(1)</script>',
  '-1',
  '0',
  '1e9',
  '9223372036854775808',
  'NaN',
  'null',
  '__proto__',
  'constructor',
  'toString',
  '{00000000-0000-7000-8000-000000000000}',
  '275761-01-01T00:00:00Z',
  'A:1',
  '%ed%a0%80',
  '%F0%9F%92%A9',
  'x'.repeat(300),
];

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'POST', 'PUT', 'PATCH', 'DELETE', 'PURGE', 'PROPFIND', 'SEARCH'];

const BODIES = [
  '',
  '{',
  'null',
  '[]',
  '5',
  '"text"',
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"email":1e400,"password":-1e400}',
  '{"email":"a@b.example","email":"c@d.example","password":"x"}',
  '{"email":"\\u0000@example.com","password":"\\ud800"}',
  '{"deviceName":"\\u0000\\u001b[31m\\r\\nSet-Cookie: a=b"}',
  '{"userId":"*"}',
  '{"filter":{},"reason":"x"}',
  '{"filter":{"userId":"x"},"reason":"x","dryRun":true}',
  '{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000),
  '['.repeat(20_000),
  `"${'x'.repeat(90_000)}"`,
  `{"deviceName":"${'x'.repeat(150_000)}"}`,
  JSON.stringify({ filter: { ids: Array.from({ length: 2_000 }, (_, n) => `id-${n}`) }, reason: 'bulk' }),
  gzipSync('{"email":"x"}'),
  gzipSync('x'.repeat(5_000_000)),
  Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
];

const HEADERS: readonly (readonly [string, string | string[]])[] = [
  ['X-Forwarded-For', '6.6.6.6, '.repeat(700) + '6.6.6.6'],
  ['X-Forwarded-For', '::ffff:1.2.3.4, not an address'],
  ['X-Forwarded-Host', 'evil.example'],
  ['X-HTTP-Method-Override', 'DELETE'],
  ['Origin', 'null'],
  ['Origin', 'https://evil.example'],
  ['Sec-Fetch-Site', 'cross-site'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Content-Type', 'text/plain'],
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['Content-Type', 'multipart/form-data; boundary=x'],
  ['Content-Type', ';;'],
  ['Content-Encoding', 'gzip'],
  ['Content-Encoding', 'br'],
  ['Accept', 'text/html'],
  ['Accept-Encoding', 'gzip, br, *;q=0'],
  ['User-Agent', '<script>alert(1)</script>'],
  ['User-Agent', 'x'.repeat(8_000)],
  ['User-Agent', '\u001b[31m'.replace('\u001b', '%1b')],
  ['Sec-CH-UA-Platform', '"Windows\\""'],
  ['If-None-Match', '*'],
  ['Range', 'bytes=0-1'],
  ['Expect', '100-continue'],
  ['Cookie', 'session=; session=x'],
  ['Cookie', 'SESSION=x; session ="x"; =; ;;'],
  ['Authorization', 'Bearer'],
  ['Authorization', 'Bearer ids_x'],
  ['Authorization', 'Basic eDp5'],
  ['Authorization', `Bearer ${'a'.repeat(4_000)}`],
  ['Upgrade', 'websocket'],
  ['Host', 'evil.example'],
  ['Host', ''],
];

/** Makes requests: good ones, good ones at bad moments, and good ones with something wrong in them. */
export class RequestMaker {
  constructor(private readonly people: readonly Person[]) {}

  make(random: Random): FuzzRequest {
    const draft = this.#whole(random);
    if (random.chance(0.45)) return draft;
    draft.isWhole = false;
    for (let damages = 1 + Math.floor(random.next() * 3); damages > 0; damages -= 1) this.#damage(draft, random);
    return draft;
  }

  /** Where somebody wants in with a password: the start of a session. */
  signIn(person: Person, transport: 'cookie' | 'bearer'): FuzzRequest {
    const body = JSON.stringify({ email: person.email, password: PASSWORD, transport });
    return { ...draftOf('POST', '/auth/sign-in'), ...json(body), signsIn: { person, transport } };
  }

  #whole(random: Random): Draft {
    // A few people do most of it, so that sessions meet.
    const person = random.pick(this.people.slice(0, random.chance(0.5) ? 10 : undefined));
    const what = random.next();
    if (person.sessions.length === 0 || what < 0.03) {
      return { ...this.signIn(person, random.chance(0.5) ? 'cookie' : 'bearer'), ...this.#perhapsAborted(random) };
    }
    if (what < 0.5) return this.#as(person, random, 'GET', '/me');
    if (what < 0.55) return this.#as(person, random, 'GET', '/sessions/current');
    if (what < 0.6) return this.#as(person, random, 'GET', '/sessions');
    if (what < 0.63) {
      const draft = this.#as(person, random, 'PATCH', `/sessions/${this.#someId(person, random)}`);
      return { ...draft, ...json('{"deviceName":"my device"}', draft.headers) };
    }
    if (what < 0.65) return this.#as(person, random, 'DELETE', `/sessions/${this.#someId(person, random)}`);
    if (what < 0.655) return this.#as(person, random, 'DELETE', '/sessions');
    if (what < 0.68) return this.#as(person, random, 'POST', '/auth/sign-out');
    if (what < 0.69) {
      const draft = this.#as(person, random, 'POST', '/auth/password');
      return { ...draft, ...json('{"current":"not it at all","next":"another password"}', draft.headers) };
    }
    if (what < 0.7) {
      const path = random.pick(['/auth/complete', '/me/factors/totp', '/me/factors/totp/confirm']);
      const draft = this.#as(person, random, 'POST', path);
      return path.endsWith('totp') ? draft : { ...draft, ...json('{"code":"000000"}', draft.headers) };
    }
    if (what < 0.71)
      return draftOf('GET', random.pick(['/health', '/docs', '/docs-json', '/docs/start.js', '/nowhere']));
    return this.#administration(random);
  }

  #administration(random: Random): Draft {
    const admins = this.people.slice(-2);
    // Sometimes somebody who may not.
    const admin = random.chance(0.9) ? random.pick(admins) : random.pick(this.people);
    const subject = random.pick(this.people);
    const id = this.#someId(subject, random);
    const [method, path, body] = random.pick<readonly [string, string, object?]>([
      ['GET', `/admin/sessions?limit=${1 + Math.floor(random.next() * 200)}`],
      ['GET', `/admin/sessions?userId=${subject.userId}&status=${random.pick(['active', 'revoked', 'expired'])}`],
      ['GET', `/admin/sessions?q=${subject.userId.slice(0, 6)}&sort=createdAt`],
      ['GET', `/admin/sessions?ip=127.0.0.1&deviceType=${random.pick(['web', 'other'])}`],
      ['GET', `/admin/sessions/${id}`],
      ['GET', `/admin/sessions/${id}/events`],
      ['DELETE', `/admin/sessions/${id}?reason=fuzz`],
      ['POST', `/admin/sessions/${id}/suspend`, { reason: 'fuzz' }],
      ['POST', `/admin/sessions/${id}/resume`, {}],
      [
        'POST',
        '/admin/sessions/revoke',
        { filter: { userId: subject.userId }, reason: 'fuzz', dryRun: random.chance(0.5) },
      ],
      ['GET', `/admin/users/${subject.userId}/sessions`],
      ['DELETE', `/admin/users/${subject.userId}/sessions/${id}`],
      ['POST', '/admin/cut-offs', { userId: subject.userId, reason: 'fuzz' }],
      ['GET', '/admin/stats'],
      ['POST', '/admin/accounts', { email: 'person-1@example.com', password: 'whatever it is', role: 'user' }],
      ['PATCH', `/admin/accounts/${random.pick(['x', '00000000-0000-4000-8000-000000000000'])}`, { disabled: true }],
    ]);
    const draft = this.#as(admin, random, method, path);
    return body === undefined ? draft : { ...draft, ...json(JSON.stringify(body), draft.headers) };
  }

  /** With a session of the person's, if they have one. */
  #as(person: Person, random: Random, method: string, path: string): Draft {
    const draft = { ...draftOf(method, path), ...this.#perhapsAborted(random) };
    if (person.sessions.length === 0) return draft;
    const held = random.pick(person.sessions);
    return { ...draft, headers: credential(held), presented: [held] };
  }

  #perhapsAborted(random: Random): Pick<Draft, 'abortAfterMs'> {
    return { abortAfterMs: random.chance(0.03) ? random.between(0, 8) : undefined };
  }

  #someId(person: Person, random: Random): string {
    if (random.chance(0.1)) return random.pick(['00000000-0000-7000-8000-000000000000', 'x', ...ODD_TEXTS]);
    return random.pick([...person.sessions, { sessionId: '00000000-0000-7000-8000-000000000001' }]).sessionId;
  }

  #damage(draft: Draft, random: Random): void {
    const kind = random.next();
    if (kind < 0.15) draft.method = random.pick(METHODS);
    else if (kind < 0.4) draft.path = damagedPath(draft.path, random);
    else if (kind < 0.6) {
      const [name, value] = random.pick(HEADERS);
      setHeader(draft, name, value);
    } else if (kind < 0.8) {
      draft.body = random.pick(BODIES);
      if (random.chance(0.8)) setHeader(draft, 'Content-Type', 'application/json');
    } else this.#damageCredential(draft, random);
    // It may sign in after all; who it is then is not known beforehand.
    if (kind < 0.15 || (kind >= 0.6 && kind < 0.8)) draft.signsIn = undefined;
  }

  #damageCredential(draft: Draft, random: Random): void {
    const other = random.pick(this.people);
    const held = other.sessions.length === 0 ? undefined : random.pick(other.sessions);
    const token = held?.token ?? 'ids_none';
    const known = held === undefined ? [] : [held];
    switch (Math.floor(random.next() * 6)) {
      case 0:
        // Bearer and cookie of two people.
        setHeader(draft, 'Authorization', `Bearer ${token}`);
        draft.presented = [...draft.presented, ...known];
        break;
      case 1:
        setHeader(draft, 'Cookie', `session=${token}; session=${token}`);
        draft.presented = [...draft.presented, ...known];
        break;
      case 2: {
        const at = Math.floor(random.next() * token.length);
        setHeader(
          draft,
          'Authorization',
          `Bearer ${token.slice(0, at)}${random.pick(['A', 'z', '0', '~'])}${token.slice(at + 1)}`,
        );
        // The letter may be the one that was there.
        draft.presented = [...draft.presented, ...known];
        break;
      }
      case 3:
        setHeader(draft, 'Authorization', `Bearer ${held?.sessionId ?? 'x'}`);
        break;
      case 4:
        draft.path += `${draft.path.includes('?') ? '&' : '?'}token=${token}&sid[]=${token}`;
        break;
      default:
        setHeader(draft, 'Cookie', `session="${token}"`);
    }
  }
}

function draftOf(method: string, path: string): Draft {
  return {
    method,
    path,
    headers: {},
    body: undefined,
    presented: [],
    signsIn: undefined,
    abortAfterMs: undefined,
    isWhole: true,
  };
}

function json(body: string, headers: FuzzRequest['headers'] = {}): Pick<Draft, 'body' | 'headers'> {
  return { body, headers: { ...headers, 'Content-Type': 'application/json' } };
}

function credential({ transport, token }: Held): Record<string, string> {
  return transport === 'bearer' ? { Authorization: `Bearer ${token}` } : { Cookie: `session=${token}` };
}

function setHeader(draft: Draft, name: string, value: string | string[]): void {
  draft.headers = { ...draft.headers, [name]: value };
}

function damagedPath(path: string, random: Random): string {
  const [route = '/', query] = path.split('?', 2);
  const segments = route.split('/');
  const text = encodeURI(random.pick(ODD_TEXTS)).replaceAll('%25', '%');
  switch (Math.floor(random.next() * 9)) {
    case 0:
      return `/${path}`;
    case 1:
      return path.replace('/', '/%2f');
    case 2:
      return route.toUpperCase() + (query === undefined ? '' : `?${query}`);
    case 3:
      return `${route}/`;
    case 4:
      return `${route}?${random.pick(['limit', 'sort', 'cursor', 'status', 'userId', 'ip', 'q', 'a[b][c]', '__proto__'])}=${text}`;
    case 5:
      segments[Math.floor(random.next() * segments.length)] = text;
      return segments.join('/') || '/';
    case 6:
      return `${route}?${Array.from({ length: 300 }, (_, n) => `k${n}=${n}`).join('&')}`;
    case 7:
      return `${route}/${'x'.repeat(Math.floor(random.between(1, 3_000)))}`;
    default:
      return `${route}/..;/${text}`;
  }
}
