import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { fuzz } from './run.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

/** `npm run test:fuzz` sends more, and others each time. */
it('[rows 65, 67] 600 random requests: no 5xx, no token in an answer, nobody taken for somebody else, flat memory', async () => {
  const report = await fuzz({ databaseUrl: database.url, requests: 600, seed: 4, adapter: 'express' });
  expect(report.violations).toEqual([]);
  expect(report.requests).toBe(600);
  // It would prove nothing if nobody got in.
  expect(report.identified).toBeGreaterThan(60);
});
