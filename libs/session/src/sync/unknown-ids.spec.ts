import { describe, expect, it } from '@jest/globals';
import { UnknownIds } from './unknown-ids.js';

describe('ids of no session', () => {
  it('are remembered for a while, and not a moment longer', () => {
    const unknown = new UnknownIds(1_000);
    unknown.note('a', 100);
    expect(unknown.has('a', 1_099)).toBe(true);
    expect(unknown.has('a', 1_100)).toBe(false);
    expect(unknown.has('a', 0)).toBe(false);
  });

  it('are forgotten once a session begins', () => {
    const unknown = new UnknownIds(1_000);
    unknown.note('a', 0);
    unknown.note('b', 0);
    unknown.forget('a');
    expect(unknown.has('a', 1)).toBe(false);
    unknown.clear();
    expect(unknown.has('b', 1)).toBe(false);
  });

  it('are at most 10 000, the oldest going first', () => {
    const unknown = new UnknownIds(1_000);
    for (let index = 0; index <= 10_000; index += 1) unknown.note(`id ${index}`, 0);
    expect(unknown.has('id 0', 1)).toBe(false);
    expect(unknown.has('id 1', 1)).toBe(true);
    expect(unknown.has('id 10000', 1)).toBe(true);
  });
});
