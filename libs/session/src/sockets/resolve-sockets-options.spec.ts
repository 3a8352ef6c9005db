import { describe, expect, it } from '@jest/globals';
import { InMemoryConnectionStore } from '../store/memory/in-memory-connection-store.js';
import { InMemorySessionStore } from '../store/memory/in-memory-session-store.js';
import { resolveOptions } from '../nest/options/resolve-options.js';
import { resolveSocketsOptions } from './resolve-sockets-options.js';

describe('where the registry is', () => {
  const module = resolveOptions({});
  const withRedis = resolveOptions({ redis: { url: 'redis://localhost' } });

  it('is where the sessions are, unless told otherwise', () => {
    expect(resolveSocketsOptions({}, module).registry).toBe('postgres');
    expect(resolveSocketsOptions({}, withRedis).registry).toBe('postgres');
    expect(resolveSocketsOptions({}, resolveOptions({ store: new InMemorySessionStore() })).registry).toBe('memory');
    expect(resolveSocketsOptions({ registry: 'redis' }, withRedis).registry).toBe('redis');
    const own = new InMemoryConnectionStore();
    expect(resolveSocketsOptions({ registry: own }, module).registry).toBe(own);
  });

  it.each(['mysql', null, 1, {}, []])('is not %j', (registry) => {
    expect(() => resolveSocketsOptions({ registry } as never, module)).toThrow(
      'registry: must be postgres, redis, memory or a ConnectionStore',
    );
  });

  it('is not in a Redis that is not there', () => {
    expect(() => resolveSocketsOptions({ registry: 'redis' }, module)).toThrow('give it redis: { url }');
  });
});
