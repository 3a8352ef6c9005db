import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FixedClock } from '../../testing/fixed-clock.js';
import { admissionOf } from '../../testing/session-builder.js';
import {
  describeJobStoreContract,
  describeUndoStoreContract,
  describeSessionStoreContract,
  describeSettingsStoreContract,
} from '../../testing/session-store-contract.js';
import { InMemorySessionStore } from './in-memory-session-store.js';

function makeStore(): { clock: FixedClock; store: InMemorySessionStore } {
  const clock = new FixedClock();
  return { clock, store: new InMemorySessionStore({ clock }) };
}

for (const describeContract of [
  describeSessionStoreContract,
  describeSettingsStoreContract,
  describeJobStoreContract,
  describeUndoStoreContract,
]) {
  describeContract(
    'InMemorySessionStore',
    () => {
      const { clock, store } = makeStore();
      return Promise.resolve({
        store,
        close: () => Promise.resolve(),
        advance: (ms: number) => {
          clock.advance(ms);
        },
      });
    },
    { describe, it, beforeEach, afterEach, expect },
  );
}

const everywhere = { kind: 'all' } as const;
const note = { reason: 'asked_to', by: 'admin' };

describe('the log of InMemorySessionStore', () => {
  it('has one row for each change, with its version, moment, reason and actor', async () => {
    const { clock, store } = makeStore();
    const admission = admissionOf({ facts: { tenantId: 'acme', userId: 'alice' } });
    const { id } = admission;
    const at = clock.now();
    await store.admit(admission);
    clock.advance(10);
    await store.changeStatus(everywhere, id, 'suspended', note);
    await store.changeStatus(everywhere, id, 'active', note);
    await store.rename(everywhere, id, 'Laptop', note);
    await store.rotate({ id, fromGeneration: 0, tokenDigest: new Uint8Array(32), reauthenticated: false }, note);
    await store.end(everywhere, id, 'revoked', { reason: '', by: null });

    const whose = { sessionId: id, tenantId: 'acme', userId: 'alice' };
    const context = { source: 'code' };
    const why = { reason: 'asked_to', actor: 'admin', context };
    const signedIn = { reason: null, actor: 'alice', context: { source: 'sign-in' } };
    expect(store.events().map(({ state: _, ...event }) => event)).toEqual([
      { id: 1, at, type: 'created', version: 1, ...whose, ...signedIn },
      { id: 2, at: at + 10, type: 'suspended', version: 2, ...whose, ...why },
      { id: 3, at: at + 10, type: 'activated', version: 3, ...whose, ...why },
      { id: 4, at: at + 10, type: 'renamed', version: 4, ...whose, ...why },
      { id: 5, at: at + 10, type: 'rotated', version: 5, ...whose, ...why },
      { id: 6, at: at + 10, type: 'revoked', version: 6, ...whose, reason: 'unspecified', actor: null, context },
    ]);
    expect(store.events().map(({ state }) => state?.status)).toEqual([
      'active',
      'suspended',
      'active',
      'active',
      'active',
      'revoked',
    ]);
  });

  it('has no row for touches, refused changes and repeated admissions', async () => {
    const { clock, store } = makeStore();
    const admission = admissionOf();
    const { id } = admission;
    await store.admit(admission);
    await store.admit(admission);
    await store.touchMany([{ id, at: clock.now(), ip: '192.0.2.1' }]);
    await store.changeStatus(everywhere, id, 'active', note);
    await store.rename({ kind: 'tenant', tenantId: 'other' }, id, 'x', note);
    expect(store.events()).toHaveLength(1);
  });

  it('tells the whole of an admission in the order in which it happened', async () => {
    const { store } = makeStore();
    const facts = { tenantId: null, userId: 'alice' };
    const [old, oldest, newer] = [
      admissionOf({ facts: { userId: 'bob' } }),
      admissionOf({ facts }),
      admissionOf({ facts }),
    ];
    for (const admission of [old, oldest, newer]) await store.admit(admission);
    const newcomer = admissionOf({
      facts,
      replaces: old.id,
      policy: [{ scope: 'subject', limit: 1, whenFull: 'evict-oldest' }],
    });
    await store.admit(newcomer);
    expect(
      store
        .events()
        .slice(3)
        .map(({ type, sessionId, actor }) => [type, sessionId, actor]),
    ).toEqual([
      ['signed_out', old.id, 'alice'],
      ['evicted', oldest.id, 'alice'],
      ['evicted', newer.id, 'alice'],
      ['created', newcomer.id, 'alice'],
    ]);
  });
});

describe('InMemorySessionStore', () => {
  it('takes the clock of the process where it is given none', async () => {
    const before = Date.now();
    const now = await new InMemorySessionStore().now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it('gives records that are frozen throughout, and logs that cannot be rewritten', async () => {
    const { store } = makeStore();
    const admission = admissionOf({ data: { nested: { list: [{ deep: 1 }] } } });
    await store.admit(admission);
    const [record] = (await store.findMany([admission.id])).records;
    const data = record?.data as { nested: { list: [{ deep: number }] } };
    const parts = [record, record?.scopeKeys, data, data.nested, data.nested.list, data.nested.list[0]];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
    expect([store.events(), store.events()[0]].map((part) => Object.isFrozen(part))).toEqual([true, true]);
  });

  it('rejects, and never throws in the caller, where a policy is broken', async () => {
    const { store } = makeStore();
    const scope = (): string => {
      throw new Error('thrown by the scope');
    };
    const admission = admissionOf({ policy: [{ scope, limit: 1, whenFull: 'reject' }] });
    await expect(store.admit(admission)).rejects.toThrow('thrown by the scope');
    expect(store.events()).toEqual([]);
  });
});
