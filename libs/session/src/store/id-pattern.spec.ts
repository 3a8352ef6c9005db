import { describe, expect, it } from '@jest/globals';
import { likePattern, literalPrefix, matchesPattern } from './id-pattern.js';
import { cpuTimeOf } from '../../../../test/support/cpu-time.js';

describe('a pattern of ids', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['a*', 'b', false],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbcb', false],
    ['*a*b*', 'xxaxxbxx', true],
    ['*ab', 'aab', true],
    ['?', '😀', true],
    ['??', '😀', false],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
    ['**b', 'ab', true],
  ])('%j matches %j: %j', (pattern, id, matches) => {
    expect(matchesPattern(pattern, id)).toBe(matches);
  });

  it('takes no time worth the name, however it is made', () => {
    const took = cpuTimeOf(() => {
      expect(matchesPattern('*a'.repeat(100), `${'a'.repeat(1_000)}b`)).toBe(false);
    });
    expect(took).toBeLessThan(500);
  });

  it('reads the same to LIKE', () => {
    expect(likePattern(String.raw`a%b_c\d*e?`)).toBe(String.raw`a\%b\_c\\d%e_`);
  });

  it('begins with what every match begins with', () => {
    expect(['abc', 'ab*c', '?x', '', 'a?*'].map(literalPrefix)).toEqual(['abc', 'ab', '', '', 'a']);
  });
});
