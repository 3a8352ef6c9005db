import { describe, expect, it } from '@jest/globals';
import { sessionRecordOf } from '../testing/record-builder.js';
import { CachedSession } from './cached-session.js';
import { MemorySessionCache } from './memory-session-cache.js';

const entry = (id: string, version = 1, userAgent: string | null = null) =>
  new CachedSession(sessionRecordOf({ id, version, userAgent }), 0, 0);

describe('the memory level of the cache', () => {
  it('gives back the very object that was put in', () => {
    const cache = new MemorySessionCache({ maxSessions: 10, maxBytes: 100_000 });
    const session = entry('a');
    cache.put(session);
    expect(cache.get('a')).toBe(session);
  });

  it('keeps the higher version, whoever comes last', () => {
    const cache = new MemorySessionCache({ maxSessions: 10, maxBytes: 100_000 });
    const newer = entry('a', 2);
    cache.put(newer);
    expect(cache.put(entry('a', 1))).toBe(newer);
    expect(cache.get('a')).toBe(newer);
  });

  it('is bounded by count: the least recently used goes', () => {
    const cache = new MemorySessionCache({ maxSessions: 2, maxBytes: 100_000 });
    for (const id of ['a', 'b']) cache.put(entry(id));
    cache.get('a');
    cache.put(entry('c'));
    expect(['a', 'b', 'c'].map((id) => cache.get(id) !== undefined)).toEqual([true, false, true]);
  });

  it('is bounded by bytes', () => {
    const cache = new MemorySessionCache({ maxSessions: 1_000, maxBytes: 20_000 });
    for (let n = 0; n < 100; n += 1) cache.put(entry(`s${n}`, 1, 'x'.repeat(500)));
    expect(cache.size).toBeLessThan(20);
    expect(cache.size).toBeGreaterThan(5);
  });

  it('is the same storage behind the interface of cache-manager', async () => {
    const cache = new MemorySessionCache({ maxSessions: 10, maxBytes: 100_000 });
    const session = entry('a');
    cache.put(session);
    expect(await cache.manager.get('a')).toBe(session);
    await cache.manager.set('b', entry('b'));
    expect(cache.get('b')?.record.id).toBe('b');
    await cache.manager.del('a');
    expect(cache.get('a')).toBeUndefined();
    await cache.manager.clear();
    expect(cache.size).toBe(0);
  });
});
