// Runs in an application that has the library installed: the contract of a store, on the TypeORM that is there.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';

// As a CommonJS application loads it, so that Node's options decide which build it is.
const require = createRequire(import.meta.url);
const { migrateIdentitySession, PostgresSessionStore } = require('nestjs-identity-session');
const { admissionOf, describeSessionStoreContract } = require('nestjs-identity-session/testing');
const { DataSource } = require('typeorm');

const dataSource = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL });
let store;

describe('with the TypeORM of the application', () => {
  before(async () => {
    await dataSource.initialize();
    await migrateIdentitySession(dataSource);
    await migrateIdentitySession(dataSource);
    // Patient: other targets are checked at the same time.
    store = PostgresSessionStore.on(dataSource, { deadlineMs: 30_000 });
  });

  after(() => dataSource.destroy());

  const makeStore = () => Promise.resolve({ store, close: () => Promise.resolve(), ageSession });
  describeSessionStoreContract('PostgresSessionStore', makeStore, { describe, it, beforeEach, afterEach, expect });

  it('tells of a change in the caller’s transaction after its commit', async () => {
    let isTold = false;
    const admission = admissionOf();
    await dataSource.transaction(async (manager) => {
      const inside = store.within(manager);
      await inside.admit(admission);
      inside.onCommitted(() => {
        isTold = true;
      });
      assert.equal(isTold, false);
      assert.equal((await store.findMany([admission.id])).records.length, 0);
    });
    assert.equal(isTold, true);
    assert.equal((await store.findMany([admission.id])).records.length, 1);
  });

  it('never tells of a change that was rolled back', async () => {
    let isTold = false;
    const admission = admissionOf();
    const failed = dataSource.transaction(async (manager) => {
      const inside = store.within(manager);
      await inside.admit(admission);
      inside.onCommitted(() => {
        isTold = true;
      });
      throw new Error('changed my mind');
    });
    await assert.rejects(failed, /changed my mind/);
    assert.equal(isTold, false);
    assert.equal((await store.findMany([admission.id])).records.length, 0);
  });

  it('refuses a sign-in in a transaction of a stricter level', async () => {
    const refused = dataSource.transaction('SERIALIZABLE', (manager) => store.within(manager).admit(admissionOf()));
    await assert.rejects(refused, { code: 'ISOLATION_LEVEL' });
  });
});

async function ageSession(id, { createdAgoMs, accessedAgoMs }) {
  const ago = `clock_timestamp() - $2::float8 * interval '1 millisecond'`;
  if (createdAgoMs !== undefined) {
    await dataSource.query(
      `UPDATE identity_session SET created_at = ${ago}, expires_at = expires_at - (created_at - (${ago})) WHERE id = $1`,
      [id, createdAgoMs],
    );
  }
  if (accessedAgoMs !== undefined) {
    await dataSource.query(`UPDATE identity_session SET last_accessed_at = ${ago} WHERE id = $1`, [id, accessedAgoMs]);
  }
  await dataSource.query(
    `UPDATE identity_session SET due_at = least(expires_at, last_accessed_at + idle_timeout_ms * interval '1 millisecond')
     WHERE id = $1 AND ended_at IS NULL`,
    [id],
  );
}

/** The few matchers that the contract uses. */
function expect(actual) {
  return {
    toBe: (expected) => assert.strictEqual(actual, expected),
    toEqual: (expected) => assert.deepStrictEqual(actual, expected),
    toMatchObject: (expected) => assert.deepStrictEqual(partLike(expected, actual), expected),
    toBeGreaterThan: (expected) => assert.ok(actual > expected, `${actual} is not above ${expected}`),
    toBeGreaterThanOrEqual: (expected) => assert.ok(actual >= expected, `${actual} is below ${expected}`),
    toBeLessThanOrEqual: (expected) => assert.ok(actual <= expected, `${actual} is above ${expected}`),
    not: {
      toBe: (expected) => assert.notStrictEqual(actual, expected),
      toEqual: (expected) => assert.notDeepStrictEqual(actual, expected),
    },
  };
}

/** What of `actual` has a counterpart in `expected`, at any depth. */
function partLike(expected, actual) {
  if (Array.isArray(expected) && Array.isArray(actual)) return actual.map((value, i) => partLike(expected[i], value));
  // An error is known by what it says of itself.
  if (expected?.constructor !== Object || typeof actual !== 'object' || actual === null) return actual;
  return Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, partLike(value, actual[key])]));
}
