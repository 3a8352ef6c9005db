import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { digestsEqual, isSessionId, newSessionId, parseToken, TokenMint } from './token.js';
import { issued, parsed } from './token.spec-support.js';
import { anyText } from '../../../../test/support/any-text.js';
import { cpuTimeOf } from '../../../../test/support/cpu-time.js';

describe('parseToken', () => {
  const texts = fc.oneof(
    anyText({ maxLength: 300 }),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.string({ unit: fc.constantFrom('ids_', '.', '0', 'a', '-', '_', '\0', '\uD800', '\n', '%'), maxLength: 300 }),
  );

  it('never throws, and refuses what is no token', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseToken(text)).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses a token with anything around or inside it', () => {
    fc.assert(
      fc.property(issued(), texts, fc.nat(), ({ token }, text, at) => {
        fc.pre(text !== '');
        const whole = [token + text, text + token, token + '\n', token.toUpperCase(), encodeURIComponent(` ${token}`)];
        for (const one of whole) expect(parseToken(one)?.body).not.toBe(parsed(token).body);
        const position = at % 40;
        expect(parseToken(token.slice(0, position) + text + token.slice(position))).toBeUndefined();
      }),
    );
  });

  it('refuses generations in any form but the shortest', () => {
    const token = new TokenMint().mint('01890000-0000-7000-8000-000000000000', 7).token;
    for (const generation of ['07', '+7', '-7', '7.0', '7e0', '1000000000', '', ' 7', '٧']) {
      expect(parseToken(token.replace('.7.', `.${generation}.`))).toBeUndefined();
    }
  });

  it('is as fast on 15 KB of hostile text as on any', () => {
    const hostile = ['ids_', '.', 'a', '0', '-', 'ids_00000000-0000-0000-0000-000000000000.0.', '\uD800'].map((unit) =>
      unit.repeat(Math.ceil(15_000 / unit.length)),
    );
    const took = cpuTimeOf(() => {
      for (let round = 0; round < 1_000; round++) for (const text of hostile) parseToken(text);
    });
    expect(took).toBeLessThan(500);
  });
});

describe('digestsEqual', () => {
  it('is true for the same bytes only, and never throws over their length', () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(digestsEqual(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(digestsEqual(a, Uint8Array.from(a))).toBe(true);
      }),
    );
  });
});

describe('newSessionId', () => {
  const source = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ({ bytes: () => bytes }));
  const moments = fc.integer({ min: 0, max: 2 ** 48 - 1 });

  it('is a version 7 UUID in the accepted form', () => {
    fc.assert(
      fc.property(source, moments, (from, now) => {
        const id = newSessionId(from, now);
        expect(isSessionId(id)).toBe(true);
        expect(id).toMatch(/^.{14}7.{4}[89ab]/);
      }),
    );
  });

  it('sorts by the millisecond in which it was made', () => {
    fc.assert(
      fc.property(source, source, moments, moments, (one, two, early, late) => {
        fc.pre(early < late);
        expect(newSessionId(one, early) < newSessionId(two, late)).toBe(true);
      }),
    );
  });

  it('has one accepted form: not upper-case, braced, shortened or surrounded', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(isSessionId(id)).toBe(true);
        const others = [`{${id}}`, id.replaceAll('-', ''), ` ${id}`, `${id}\n`, `urn:uuid:${id}`, id.slice(1), ''];
        for (const other of others) expect(isSessionId(other)).toBe(false);
        for (let at = 0; at < id.length; at++) {
          const raised = id.slice(0, at) + id.charAt(at).toUpperCase() + id.slice(at + 1);
          expect(isSessionId(raised)).toBe(raised === id);
        }
      }),
    );
  });
});
