import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sessionDatabase } from '../../../../../test/support/session-database.js';
import { describeConnectionStoreContract } from '../../testing/connection-store-contract.js';
import { PostgresConnectionStore } from './postgres-connection-store.js';

describe.each(['read committed', 'serializable'])('with %s as the default', (level) => {
  let db: Awaited<ReturnType<typeof sessionDatabase>>;

  beforeAll(async () => {
    db = await sessionDatabase({ default_transaction_isolation: level });
  });
  afterAll(() => db.close());

  describeConnectionStoreContract(
    'PostgresConnectionStore',
    () =>
      Promise.resolve({
        store: PostgresConnectionStore.on(db.dataSource),
        close: () => Promise.resolve(),
        // Everything is as much older.
        pass: async (ms) => {
          await db.dataSource.query(
            `UPDATE identity_session_node SET seen_at = seen_at - $1::float8 * interval '1 millisecond'`,
            [ms],
          );
        },
      }),
    { describe, it, beforeEach, afterEach, expect },
  );
});
