import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { IN_FULL } from '../../../../../test/support/in-full.js';
import { sessionDatabase } from '../../../../../test/support/session-database.js';
import {
  describeJobStoreContract,
  describeUndoStoreContract,
  describeSessionStoreContract,
  describeSettingsStoreContract,
} from '../../testing/session-store-contract.js';
import { PostgresSessionStore } from './postgres-session-store.js';

let db: Awaited<ReturnType<typeof sessionDatabase>>;

/** Serializable refuses whatever repeatable read refuses, and more. */
const LEVELS = IN_FULL ? ['read committed', 'repeatable read', 'serializable'] : ['serializable'];

describe.each(LEVELS)('[row 35] with %s as the default', (level) => {
  beforeAll(async () => {
    db = await sessionDatabase({ default_transaction_isolation: level });
  });

  afterAll(async () => {
    await db.close();
  });

  for (const describeContract of [
    describeSessionStoreContract,
    describeSettingsStoreContract,
    describeJobStoreContract,
    describeUndoStoreContract,
  ]) {
    describeContract(
      'PostgresSessionStore',
      () =>
        Promise.resolve({
          store: PostgresSessionStore.on(db.dataSource),
          close: () => Promise.resolve(),
          ageSession: (id, age) => ageSession(db.dataSource, id, age),
        }),
      { describe, it, beforeEach, afterEach, expect },
    );
  }
});

async function ageSession(
  dataSource: DataSource,
  id: string,
  { createdAgoMs, accessedAgoMs }: { readonly createdAgoMs?: number; readonly accessedAgoMs?: number },
): Promise<void> {
  if (createdAgoMs !== undefined) {
    await dataSource.query(
      `UPDATE identity_session SET created_at = clock_timestamp() - $2::float8 * interval '1 millisecond',
         expires_at = expires_at - (created_at - (clock_timestamp() - $2::float8 * interval '1 millisecond'))
       WHERE id = $1`,
      [id, createdAgoMs],
    );
  }
  if (accessedAgoMs !== undefined) {
    await dataSource.query(
      `UPDATE identity_session SET last_accessed_at = clock_timestamp() - $2::float8 * interval '1 millisecond'
       WHERE id = $1`,
      [id, accessedAgoMs],
    );
  }
  await dataSource.query(
    `UPDATE identity_session SET due_at = least(expires_at, last_accessed_at + idle_timeout_ms * interval '1 millisecond')
     WHERE id = $1 AND ended_at IS NULL`,
    [id],
  );
}
