import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sessionDatabase } from '../../../../../test/support/session-database.js';
import { admissionOf } from '../../testing/session-builder.js';
import { PostgresSessionStore } from './postgres-session-store.js';

let db: Awaited<ReturnType<typeof sessionDatabase>>;
let store: PostgresSessionStore;

beforeAll(async () => {
  db = await sessionDatabase();
  store = PostgresSessionStore.on(db.dataSource);
});

afterAll(() => db.close());

describe("inside a caller's transaction", () => {
  it('a sign-in becomes real with the commit, and only then is applied', async () => {
    const admission = admissionOf();
    let applied = 0;
    await db.dataSource.transaction('READ COMMITTED', async (manager) => {
      const within = store.within(manager);
      await within.admit(admission);
      within.onCommitted(() => {
        applied += 1;
      });
      expect(applied).toBe(0);
      expect(await store.exists(admission.id)).toBe(false);
    });
    expect(applied).toBe(1);
    expect(await store.exists(admission.id)).toBe(true);
  });

  it('a rollback leaves nothing and applies nothing', async () => {
    const admission = admissionOf();
    let applied = 0;
    const work = db.dataSource.transaction('READ COMMITTED', async (manager) => {
      const within = store.within(manager);
      await within.admit(admission);
      within.onCommitted(() => {
        applied += 1;
      });
      throw new Error('the application changed its mind');
    });
    await expect(work).rejects.toThrow('changed its mind');
    expect(applied).toBe(0);
    expect(await store.exists(admission.id)).toBe(false);
  });

  it('a released savepoint applies nothing before the commit around it', async () => {
    const admission = admissionOf();
    let applied = 0;
    await db.dataSource.transaction('READ COMMITTED', async (manager) => {
      await manager.transaction(async (inner) => {
        const within = store.within(inner);
        await within.admit(admission);
        within.onCommitted(() => {
          applied += 1;
        });
      });
      expect(applied).toBe(0);
    });
    expect(applied).toBe(1);
  });

  it.each(['REPEATABLE READ', 'SERIALIZABLE'] as const)(
    '[row 35] a sign-in under %s is a typed error, because it could exceed the limit',
    async (level) => {
      const work = db.dataSource.transaction(level, (manager) => store.within(manager).admit(admissionOf()));
      await expect(work).rejects.toMatchObject({ code: 'ISOLATION_LEVEL' });
    },
  );

  it('a manager without a transaction changes nothing about the store', () => {
    expect(store.within(db.dataSource.manager)).toBe(store);
  });
});
