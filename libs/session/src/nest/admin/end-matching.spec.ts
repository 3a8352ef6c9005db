import { describe, expect, it } from '@jest/globals';
import { InMemorySessionStore } from '../../store/memory/in-memory-session-store.js';
import type { SessionFilter } from '../../store/session-store.js';
import { admissionOf } from '../../testing/session-builder.js';
import { endMatching } from './end-matching.js';

const ACME: SessionFilter = { scope: { kind: 'tenant', tenantId: 'acme' }, status: 'unended' };
const NOTE = { reason: 'incident', by: 'admin' };

/** A store with sessions of one tenant and one of nobody's, which counts how often it has to find all that match. */
async function storeWith(sessions: number) {
  const store = new InMemorySessionStore();
  const ids: string[] = [];
  for (let n = 0; n < sessions; n += 1) {
    const admission = admissionOf({ facts: { tenantId: 'acme', userId: `user-${n}` } });
    await store.admit(admission);
    ids.push(admission.id);
  }
  const other = admissionOf();
  await store.admit(other);
  const seen = { searches: 0, pages: 0 };
  return {
    store,
    ids: ids.sort(),
    other: other.id,
    seen,
    end: (filter: SessionFilter, limit: number) => {
      seen.pages += 1;
      if (filter.ids === undefined) seen.searches += 1;
      return store.endMany(filter, 'revoked', NOTE, limit);
    },
    listIds: (filter: SessionFilter, limit: number) => {
      seen.searches += 1;
      return store.listIds(filter, limit);
    },
  };
}

describe('ending all that matches', () => {
  it('finds what it ends twice, however many pages that is', async () => {
    const bulk = await storeWith(3_100);
    expect(await endMatching(ACME, Infinity, bulk)).toEqual({ revoked: 3_100, rest: null });
    expect(bulk.seen).toEqual({ searches: 2, pages: 4 });
    expect(await bulk.store.count(ACME)).toBe(0);
    expect(await bulk.store.exists(bulk.other)).toBe(true);
  });

  it('ends the first by id where there is a bound, and tells of the rest', async () => {
    const bulk = await storeWith(2_100);
    const { revoked, rest } = await endMatching(ACME, 2_050, bulk);
    expect(revoked).toBe(2_050);
    expect(await bulk.store.listIds(rest ?? ACME, 1_000)).toEqual(bulk.ids.slice(2_050));
    expect(await bulk.store.listIds(ACME, 1_000)).toEqual(bulk.ids.slice(2_050));
  });

  it('goes on to further ones for those that somebody else has ended meanwhile', async () => {
    const bulk = await storeWith(2_100);
    const listIds = async (filter: SessionFilter, limit: number): Promise<readonly string[]> => {
      const found = await bulk.listIds(filter, limit);
      if (bulk.seen.searches === 2) {
        for (const id of found.slice(0, 30)) await bulk.store.end({ kind: 'all' }, id, 'signed_out', NOTE);
      }
      return found;
    };
    const { revoked, rest } = await endMatching(ACME, 2_000, { end: bulk.end, listIds });
    expect(revoked).toBe(2_000);
    expect(await bulk.store.listIds(rest ?? ACME, 1_000)).toEqual(bulk.ids.slice(2_030));
  });

  it('needs one page and no search beside it where that has all', async () => {
    const bulk = await storeWith(3);
    expect(await endMatching(ACME, Infinity, bulk)).toEqual({ revoked: 3, rest: null });
    expect(bulk.seen).toEqual({ searches: 1, pages: 1 });
  });
});
