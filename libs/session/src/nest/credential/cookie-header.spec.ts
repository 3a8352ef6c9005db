import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { readCookie } from './cookie-header.js';

const NAME = '__Host-session';

describe('readCookie', () => {
  it('finds the value wherever the cookie stands', () => {
    expect(readCookie(`${NAME}=abc`, NAME)).toBe('abc');
    expect(readCookie(`${NAME}=abc; theme=dark`, NAME)).toBe('abc');
    expect(readCookie(`theme=dark; ${NAME}=abc`, NAME)).toBe('abc');
    expect(readCookie(`a=1; ${NAME}=abc; b=2`, NAME)).toBe('abc');
  });

  it('takes pairs that are separated without a space', () => {
    expect(readCookie(`a=1;${NAME}=abc;b=2`, NAME)).toBe('abc');
  });

  it('gives undefined without header, without the cookie, and for an empty header', () => {
    expect(readCookie(undefined, NAME)).toBeUndefined();
    expect(readCookie('', NAME)).toBeUndefined();
    expect(readCookie('a=1; b=2', NAME)).toBeUndefined();
    expect(readCookie(';;; ;', NAME)).toBeUndefined();
  });

  it('gives an empty value as empty', () => {
    expect(readCookie(`${NAME}=`, NAME)).toBe('');
    expect(readCookie(`${NAME}=; a=1`, NAME)).toBe('');
  });

  it('keeps everything after the first equals sign', () => {
    expect(readCookie(`${NAME}=a=b==; c=1`, NAME)).toBe('a=b==');
  });

  it.each([
    `${NAME}=one; ${NAME}=two`,
    `${NAME}=two; a=1; ${NAME}=one`,
    `${NAME}=; ${NAME}=two`,
    `${NAME}=x;${NAME}=x`,
  ])('[row 51] a name that occurs twice never matches: %s', (header) => {
    expect(readCookie(header, NAME)).toBeUndefined();
  });

  it.each([
    ['mis-cased', '__host-session=abc'],
    ['upper case', '__HOST-SESSION=abc'],
    ['a second space in front', `a=1;  ${NAME}=abc`],
    ['a space in front of the header', ` ${NAME}=abc`],
    ['a tab in front', `a=1;\t${NAME}=abc`],
    ['a no-break space in front', `a=1;\u00a0${NAME}=abc`],
    ['a space behind', `${NAME} =abc`],
    ['a longer name', `x${NAME}=abc; ${NAME}x=abc`],
    ['a shorter name', '__Host-sessio=abc'],
    ['no equals sign', NAME],
    ['a name inside of a value', `a=${NAME}=abc`],
    ['a quoted name', `"${NAME}"=abc`],
    ['a comma as separator', `a=1,${NAME}=abc`],
  ])('[row 51] %s is another name', (_, header) => {
    expect(readCookie(header, NAME)).toBeUndefined();
  });

  it('[row 51] look-alikes do not hide the cookie itself', () => {
    expect(readCookie(`__host-session=evil;  ${NAME}=evil; ${NAME}=good`, NAME)).toBe('good');
  });

  it('gives quoted, encoded and padded values as they are, so that they are no tokens', () => {
    expect(readCookie(`${NAME}="abc"`, NAME)).toBe('"abc"');
    expect(readCookie(`${NAME}=%61bc`, NAME)).toBe('%61bc');
    expect(readCookie(`${NAME}=abc ; a=1`, NAME)).toBe('abc ');
  });

  it('takes hostile headers as text', () => {
    expect(readCookie('__proto__=x; constructor=y; toString=z', NAME)).toBeUndefined();
    expect(readCookie('__proto__=x', '__proto__')).toBe('x');
    expect(readCookie(`a=\0; ${NAME}=a\0b`, NAME)).toBe('a\0b');
    expect(readCookie(`\0${NAME}=abc`, NAME)).toBeUndefined();
    expect(readCookie(`\ud800=1; ${NAME}=\udfff`, NAME)).toBe('\udfff');
    expect(readCookie(`${NAME}=${'x'.repeat(15_000)}`, NAME)).toHaveLength(15_000);
    expect(readCookie(';'.repeat(15_000), NAME)).toBeUndefined();
  });

  it('agrees with splitting the header, for any header', () => {
    const piece = fc.constantFrom(NAME, NAME.toLowerCase(), '=', ';', '; ', ' ', 'a', '"', '\0', 'token');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const header = pieces.join('');
        const values = header
          .split(';')
          .map((pair, index) => (index > 0 && pair.startsWith(' ') ? pair.slice(1) : pair))
          .filter((pair) => pair.startsWith(`${NAME}=`))
          .map((pair) => pair.slice(NAME.length + 1));
        expect(readCookie(header, NAME)).toBe(values.length === 1 ? values[0] : undefined);
      }),
    );
  });

  it.each(['; a=1', ';', `;${NAME}`, `; ${NAME} =`, '='])('takes time linear in the header: %j repeated', (piece) => {
    const time = (length: number): number => {
      const header = piece.repeat(Math.ceil(length / piece.length));
      const runs = Array.from({ length: 9 }, () => {
        const start = performance.now();
        readCookie(header, NAME);
        return performance.now() - start;
      });
      return Math.min(...runs);
    };
    time(15_000);
    // Forty times the length: quadratic work would take 1 600 times as long.
    expect(time(600_000)).toBeLessThan(400 * Math.max(time(15_000), 0.01));
  });
});
