import { describe, expect, it } from '@jest/globals';
import { mergePatch, withoutKeys } from './merge-patch.js';

describe('a merge patch', () => {
  // Those of the appendix whose target and patch are objects.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('makes of %j by %j what RFC 7396 appendix A says', (target, patch, expected) => {
    const before = JSON.stringify(target);
    expect(mergePatch(target, patch)).toEqual(expected);
    expect(JSON.stringify(target)).toBe(before);
  });

  it('replaces what is no object by one', () => {
    expect(mergePatch({ a: [1, 2], b: 'text' }, { a: { x: 1 }, b: { y: null } })).toEqual({ a: { x: 1 }, b: {} });
  });
});

describe('data without keys', () => {
  it('keeps the others, and minds no key that is not there', () => {
    expect(withoutKeys({ a: 1, b: 2, c: 3 }, ['a', 'c', 'd', 'toString'])).toEqual({ b: 2 });
  });
});
