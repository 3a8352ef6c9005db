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

  it('a savepoint that is rolled back applies nothing with the commit around it', async () => {
    const admission = admissionOf();
    let applied = 0;
    await db.dataSource.transaction('READ COMMITTED', async (manager) => {
      const inner = manager.transaction(async (savepoint) => {
        const within = store.within(savepoint);
        await within.admit(admission);
        within.onCommitted(() => {
          applied += 1;
        });
        throw new Error('only this part');
      });
      await expect(inner).rejects.toThrow('only this part');
    });
    expect(applied).toBe(0);
    expect(await store.exists(admission.id)).toBe(false);
  });

  it('[row 34] sign-ins side by side keep to the limit, though they share the lock', async () => {
    const facts = { userId: 'side-by-side' };
    const policy = [{ scope: 'subject', limit: 1, whenFull: 'evict-oldest' }] as const;
    await db.dataSource.transaction('READ COMMITTED', (manager) =>
      Promise.all([1, 2, 3].map(() => store.within(manager).admit(admissionOf({ facts, policy })))),
    );
    expect(await store.count({ scope: { kind: 'all' }, userId: 'side-by-side', status: 'live' })).toBe(1);
  });

  it('one callback that throws does not keep the others from running', async () => {
    let applied = 0;
    await db.dataSource.transaction('READ COMMITTED', async (manager) => {
      const within = store.within(manager);
      await within.admit(admissionOf());
      within.onCommitted(() => {
        throw new Error('the response was sent already');
      });
      within.onCommitted(() => {
        applied += 1;
      });
    });
    expect(applied).toBe(1);
  });

  it("a manager of another DataSource is refused, since it could be another database's", async () => {
    const other = await sessionDatabase();
    const work = other.dataSource.transaction((manager) => Promise.resolve(store.within(manager)));
    await expect(work).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
    await other.close();
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
