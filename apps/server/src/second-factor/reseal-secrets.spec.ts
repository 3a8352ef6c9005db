import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { resealSecrets } from './reseal-secrets.js';
import { SecretBox } from './secret-box.js';

const oldKey = { id: 'k1', secret: randomBytes(32) };
const newKey = { id: 'k2', secret: randomBytes(32) };

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = await new DataSource({ type: 'postgres', url: database.url }).initialize();
  await dataSource.query(
    `CREATE TABLE totp_factor (id uuid DEFAULT gen_random_uuid(), account_id uuid, secret bytea, key_id text)`,
  );
});
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

it('passes over a secret that does not open, and seals the others anew', async () => {
  const plain = randomBytes(20);
  const [broken, whole] = [randomUUID(), randomUUID()];
  const { secret, keyId } = new SecretBox([oldKey]).seal(plain, whole);
  for (const account of [broken, whole]) {
    await dataSource.query('INSERT INTO totp_factor (account_id, secret, key_id) VALUES ($1, $2, $3)', [
      account,
      secret,
      keyId,
    ]);
  }
  const warnings: string[] = [];
  const logger = { warn: (text: string) => warnings.push(text) } as unknown as LoggerService;
  await resealSecrets(dataSource, [newKey, oldKey], logger);
  const rows = await dataSource.query<{ account: string; secret: Buffer; keyId: string }[]>(
    'SELECT account_id AS account, secret, key_id AS "keyId" FROM totp_factor',
  );
  const of = (account: string) => rows.find((row) => row.account === account);
  expect(of(broken)?.keyId).toBe('k1');
  expect(of(whole)?.keyId).toBe('k2');
  expect(new SecretBox([newKey]).open(of(whole) as never, whole)).toEqual(plain);
  expect(warnings).toEqual([expect.stringMatching(/^1 second factors /)]);
});
