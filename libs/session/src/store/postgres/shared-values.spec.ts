import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sessionDatabase } from '../../../../../test/support/session-database.js';
import { type AdmissionOverrides, admissionOf } from '../../testing/session-builder.js';
import { PostgresSessionStore } from './postgres-session-store.js';

describe('what loaded sessions have in common', () => {
  let db: Awaited<ReturnType<typeof sessionDatabase>>;
  let store: PostgresSessionStore;

  beforeAll(async () => {
    db = await sessionDatabase();
    store = PostgresSessionStore.on(db.dataSource);
  });
  afterAll(() => db.close());

  const load = async (overrides: AdmissionOverrides) => {
    const admission = admissionOf(overrides);
    await store.admit(admission);
    return (await store.findMany([admission.id])).records[0]!;
  };

  it('is one in memory, and nobody can change it for all', async () => {
    const first = await load({ userAgent: 'A browser' });
    const second = await load({ userAgent: 'A browser' });
    expect(second.scopeKeys).toBe(first.scopeKeys);
    expect(second.data).toBe(first.data);
    expect(Object.isFrozen(first.data)).toBe(true);
    expect(Object.isFrozen(first.scopeKeys)).toBe(true);
  });

  it('is nothing where values differ', async () => {
    const policy = [{ scope: ({ userId }: { userId: string }) => userId, limit: 9, whenFull: 'reject' as const }];
    const first = await load({ policy, userAgent: 'A browser', data: { a: 1 }, facts: { userId: 'ab' } });
    const second = await load({ policy, userAgent: 'Another', data: { b: 2 }, facts: { userId: 'a' } });
    expect([first.userAgent, second.userAgent]).toEqual(['A browser', 'Another']);
    expect([first.data, second.data]).toEqual([{ a: 1 }, { b: 2 }]);
    expect(first.scopeKeys).not.toEqual(second.scopeKeys);
  });
});
