import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { node } from './processes.mjs';

const SUITE = fileURLToPath(new URL('store-contract.mjs', import.meta.url));

/** The library's own contract of a store, with the target's TypeORM and driver. */
export async function checkStore({ directory }, { nodeOptions }, databaseUrl) {
  const suite = join(directory, 'store-contract.mjs');
  await copyFile(SUITE, suite);
  const output = await node([...nodeOptions, '--test-reporter=spec', suite], {
    cwd: directory,
    env: { ...process.env, DATABASE_URL: databaseUrl },
  }).catch((error) => {
    throw new Error(error.message.replace(/[^]*failing tests:\s*/, ''));
  });
  const passed = Number(/^\S* ?pass (\d+)$/m.exec(output)?.[1] ?? 0);
  assert.ok(passed > 100, `Only ${passed} tests have run.`);
}
