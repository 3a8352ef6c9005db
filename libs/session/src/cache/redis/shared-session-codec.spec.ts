import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SESSION_STATUSES } from '../../core/lifecycle.js';
import { APPROVAL_MODES } from '../../core/pending.js';
import { ASSURANCE_LEVELS, DEVICE_TYPES } from '../../core/session.js';
import { sessionRecordOf } from '../../testing/record-builder.js';
import type { SharedSession } from '../shared-session-cache.js';
import { MOST_BYTES, SharedSessionCodec } from './shared-session-codec.js';

const key = (id: string, fill: number) => ({ id, secret: new Uint8Array(32).fill(fill) });
const plain = new SharedSessionCodec('app');
const signed = new SharedSessionCodec('app', [key('k1', 1)]);

const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''));
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const time = fc.double({ min: 0, max: 4e12, noNaN: true }).map((value) => Math.round(value * 1_000) / 1_000);
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Uint8Array.from(bytes));

const records = fc
  .record({
    id: fc.uuid(),
    version: fc.integer({ min: 1 }),
    sequence: fc.maxSafeNat(),
    tenantId: maybe(text),
    userId: text,
    deviceType: fc.constantFrom(...DEVICE_TYPES),
    status: fc.constantFrom(...SESSION_STATUSES),
    pending: maybe(
      fc.record({
        requirements: fc.array(
          fc.record({
            name: text,
            approvers: maybe(fc.record({ mode: fc.constantFrom(...APPROVAL_MODES), of: fc.array(text) })),
            met: fc.array(fc.record({ by: maybe(text), at: time }), { maxLength: 3 }),
          }),
          { maxLength: 3 },
        ),
        roles: fc.array(text, { maxLength: 2 }),
      }),
    ),
    scopeKeys: fc.array(text, { maxLength: 4 }),
    tokenDigest: digest,
    previous: maybe(
      fc.record({
        digest,
        assurance: fc.constantFrom(...ASSURANCE_LEVELS),
        authenticatedAt: time,
        hasSuccessor: fc.boolean(),
      }),
    ),
    rotatedAt: maybe(time),
    userAgent: maybe(text),
    rememberMe: fc.boolean(),
    lastAccessedAt: time,
    endedAt: maybe(time),
    data: fc.dictionary(
      text.filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name)),
      fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.array(text)),
      { noNullPrototype: true },
    ),
  })
  .map((overrides) => sessionRecordOf(overrides));

const sessions: fc.Arbitrary<SharedSession> = fc.record({
  record: records,
  asOf: time,
  server: text,
  lastAccessedAt: time,
  lastIp: maybe(text),
});

const example: SharedSession = {
  record: sessionRecordOf({ userAgent: 'Ünïcode 🦊', data: { cart: [1, { a: 'b' }] } }),
  asOf: 1_763_724_576_123.456,
  server: '2026-11-21 13:00:00.123456+00',
  lastAccessedAt: 1_763_724_570_000,
  lastIp: '::1',
};
const { id } = example.record;

describe.each([
  ['without keys', plain],
  ['with keys', signed],
])('a shared session %s', (_name, codec) => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(sessions, (session) => {
        const value = codec.encode(session);
        fc.pre(value !== undefined);
        expect(codec.decode(session.record.id, value)).toEqual(session);
      }),
      { numRuns: 500 },
    );
  });

  it('of another id is refused', () => {
    const other = id.replace('0', '1');
    expect(codec.decode(other, codec.encode(example)!)).toBe(codec === plain ? 'foreign' : 'unauthenticated');
  });

  it('that is cut off anywhere is refused', () => {
    const value = codec.encode(example)!;
    for (let length = 0; length < value.length; length += 1) {
      expect(typeof codec.decode(id, value.slice(0, length))).toBe('string');
    }
  });

  it('with any one byte changed is refused, or at least crashes nothing', () => {
    const bytes = Buffer.from(codec.encode(example)!);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (position, change) => {
        const changed = Buffer.from(bytes);
        changed[position] = changed.readUInt8(position) ^ change;
        const read = codec.decode(id, changed.toString());
        // Without keys a changed letter of a text is as good as any other.
        if (codec === signed) expect(typeof read).toBe('string');
        else expect(typeof read === 'string' || read.record.id === id).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused for whatever else is in its place', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `1 1 1 -\n${json}`),
        ),
        (value) => {
          expect(typeof codec.decode(id, value)).toBe('string');
        },
      ),
    );
  });

  it('larger than can be is neither written nor read', () => {
    const record = { ...example.record, userAgent: 'x'.repeat(MOST_BYTES) };
    expect(codec.encode({ ...example, record })).toBeUndefined();
    expect(codec.decode(id, `${codec.encode(example)}${' '.repeat(MOST_BYTES)}`)).toBe('oversize');
  });
});

describe('a hostile value', () => {
  const value = plain.encode(example)!;
  const [line, payload] = value.split('\n') as [string, string];
  const body = JSON.parse(payload) as { record: Record<string, unknown> };
  const withRecord = (change: Record<string, unknown>) =>
    `${line}\n${JSON.stringify({ ...body, record: { ...body.record, ...change } })}`;

  it.each([
    ['a status that is none', { status: 'superuser' }],
    ['a name of an inherited property for a status', { status: 'toString' }],
    ['a negative time', { expiresAt: -1 }],
    ['a time after the end of time', { expiresAt: 1e300 }],
    ['a text for a number', { tokenGeneration: '0' }],
    ['a fraction for a count', { sequence: 1.5 }],
    ['a version that the first line does not have', { version: 2 }],
    ['a digest that is too short', { tokenDigest: 'AAAA' }],
    ['a digest in other letters', { tokenDigest: `${'A'.repeat(42)}B` }],
    ['a property too many', { isAdmin: true }],
    ['a lone surrogate', { userId: '\ud800' }],
    ['a list for data', { data: [] }],
    ['data that reaches for the prototype', { data: JSON.parse('{"__proto__":{"polluted":1}}') }],
    ['data that is nested too deep', { data: JSON.parse(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`) }],
  ])('with %s is refused', (_name, change) => {
    expect(plain.decode(id, withRecord(change))).toBe('malformed');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('without a property is refused, whichever', () => {
    for (const name of Object.keys(body.record)) {
      const { [name]: _left, ...rest } = body.record;
      expect(plain.decode(id, `${line}\n${JSON.stringify({ ...body, record: rest })}`)).toBe('malformed');
      const disguised = JSON.stringify({ ...body, record: { ...rest, x: 1 } }).replace('"x":1', '"__proto__":{}');
      expect(plain.decode(id, `${line}\n${disguised}`)).toBe('malformed');
    }
  });

  it('with numbers that are none, or twice the same property, is refused or means the last', () => {
    expect(plain.decode(id, value.replace('"sequence":1', '"sequence":NaN'))).toBe('malformed');
    expect(plain.decode(id, value.replace('"sequence":1', '"sequence":1e999'))).toBe('malformed');
    expect(plain.decode(id, value.replace('"sequence":1', '"status":"active","sequence":1'))).toMatchObject(example);
  });

  it('of another format is refused', () => {
    expect(plain.decode(id, `0${value.slice(1)}`)).toBe('format');
    expect(plain.decode(id, `12${value.slice(1)}`)).toBe('format');
    expect(plain.decode(id, payload)).toBe('format');
  });
});

describe('the signature of a shared session', () => {
  const rotated = new SharedSessionCodec('app', [key('k2', 2), key('k1', 1)]);

  it('is made with the first key and checked with all', () => {
    expect(rotated.decode(id, signed.encode(example)!)).toEqual(example);
    expect(signed.decode(id, rotated.encode(example)!)).toBe('unauthenticated');
  });

  it('is for one namespace', () => {
    const other = new SharedSessionCodec('other', [key('k1', 1)]);
    expect(other.decode(id, signed.encode(example)!)).toBe('unauthenticated');
  });

  it('is asked for where there are keys, and covers when the session was so', () => {
    expect(signed.decode(id, plain.encode(example)!)).toBe('unauthenticated');
    const value = signed.encode(example)!;
    expect(signed.decode(id, value.replace(String(example.asOf), String(example.asOf + 1)))).toBe('unauthenticated');
    expect(signed.decode(id, value.replace(' k1.', ' k9.'))).toBe('unauthenticated');
  });
});
