import { describe, expect, it } from '@jest/globals';
import { sessionRecordOf } from '../../testing/record-builder.js';
import { Session } from '../session/session.js';
import { type RequestCollection, RequestScope } from './request-scope.js';

const found = (id: string) => () => Promise.resolve(new Session(sessionRecordOf({ id })));

describe('the collection of a request', () => {
  it('is one for all handlers of the request, and for what they call', () => {
    const scope = new RequestScope();
    const [request, other] = [{}, {}];
    const collect = (collection: RequestCollection) => collection;
    const first = scope.run(request, (collection) => {
      expect(scope.current).toBe(collection);
      expect(scope.run(other, collect)).toBe(collection);
      return collection;
    });
    expect(scope.run(request, collect)).toBe(first);
    expect(scope.run(other, collect)).not.toBe(first);
    expect(scope.run(undefined, collect)).not.toBe(scope.run(undefined, collect));
    expect(scope.current).toBe(undefined);
  });

  it('asks again for what could not be loaded', async () => {
    const scope = new RequestScope();
    await scope.run(undefined, async (collection) => {
      await expect(collection.of('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
      expect((await collection.of('a', found('a')))?.id).toBe('a');
    });
  });

  it('remembers a thousand sessions, and the last of them the longest', async () => {
    const scope = new RequestScope();
    await scope.run(undefined, async (collection) => {
      const sessions = await Promise.all(
        Array.from({ length: 1_001 }, (_, n) => collection.of(String(n), found(String(n)))),
      );
      const again = (n: number) => collection.of(String(n), found(String(n)));
      expect(await again(1_000)).toBe(sessions[1_000]);
      expect(await again(1)).toBe(sessions[1]);
      expect(await again(0)).not.toBe(sessions[0]);
    });
  });
});
