import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { readConfig } from '../config/read-config.js';
import { dataSourceOptions } from '../database/data-source-options.js';
import { prepareDatabase } from '../database/prepare-database.js';
import { SignInLimiter, type SignInTarget } from './sign-in-limiter.js';

let database: TestDatabase;
let nodes: DataSource[];
let targets = 0;

/** Two nodes with a limit of 10. */
let limiters: [SignInLimiter, SignInLimiter];

beforeAll(async () => {
  database = await createTestDatabase();
  await prepareDatabase(database.url, () => Promise.resolve());
  const config = readConfig({});
  const connect = () => new DataSource(dataSourceOptions(database.url, 'serving')).initialize();
  const [a, b] = await Promise.all([connect(), connect()]);
  nodes = [a, b];
  limiters = [new SignInLimiter(a, config), new SignInLimiter(b, config)];
});

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.destroy()));
  await database.drop();
});

/** An account that no test before has tried. */
function target(address: string | null = '192.0.2.1'): SignInTarget {
  targets += 1;
  return { emailKey: `user-${targets}@example.com`, address };
}

async function told(attempt: Promise<void>): Promise<'told' | 'refused'> {
  try {
    await attempt;
    return 'told';
  } catch (error) {
    expect(error).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    return 'refused';
  }
}

const count = (outcomes: readonly string[], outcome: string) => outcomes.filter((one) => one === outcome).length;

async function fail(attempts: number, who: SignInTarget): Promise<number> {
  const outcomes = await Promise.all(
    Array.from({ length: attempts }, (_, index) => told(limiters[index % 2 === 0 ? 0 : 1].settle(who, 'failed'))),
  );
  return count(outcomes, 'told');
}

describe('SignInLimiter', () => {
  it('tells 50 parallel guesses on two nodes about ten of them', async () => {
    const who = target();
    expect(await fail(50, who)).toBe(10);
    expect(await told(limiters[0].refuseWhenSpent(who))).toBe('refused');
    expect(await told(limiters[1].settle(who, 'succeeded'))).toBe('refused');
  });

  it('counts no successes, however many at once, up to the last failure that is left', async () => {
    const who = target();
    expect(await fail(9, who)).toBe(9);
    const successes = Array.from({ length: 100 }, (_, index) =>
      told(limiters[index % 2 === 0 ? 0 : 1].settle(who, 'succeeded')),
    );
    expect(count(await Promise.all(successes), 'told')).toBe(100);
    expect(await fail(2, who)).toBe(1);
  });

  it('says when to try again', async () => {
    const who = target();
    const begunAt = Date.now();
    await fail(10, who);
    const error = await limiters[0].refuseWhenSpent(who).catch((reason: unknown) => reason);
    const { retryAfterSeconds } = (error as { details: { retryAfterSeconds: number } }).details;
    expect(retryAfterSeconds).toBeLessThanOrEqual(900);
    expect(retryAfterSeconds).toBeGreaterThanOrEqual(900 - Math.ceil((Date.now() - begunAt) / 1_000));
  });

  it('counts by account and by address, and takes the addresses of one IPv6 network for one', async () => {
    const who = target('2001:db8::1');
    await fail(10, who);
    expect(await told(limiters[0].refuseWhenSpent({ ...who, address: '2001:db8::ffff' }))).toBe('refused');
    expect(await told(limiters[0].refuseWhenSpent({ ...who, address: '2001:db8:0:1::1' }))).toBe('told');
    expect(await told(limiters[0].refuseWhenSpent({ ...who, address: null }))).toBe('told');
    expect(await told(limiters[0].refuseWhenSpent({ ...who, emailKey: 'other@example.com' }))).toBe('told');
  });

  it('begins anew when the window is over', async () => {
    const who = target();
    await fail(10, who);
    await nodes[0]?.query('UPDATE sign_in_failure SET expire = $1', [Date.now() - 1]);
    expect(await told(limiters[0].refuseWhenSpent(who))).toBe('told');
    expect(await fail(11, who)).toBe(10);
  });

  it('stores neither email nor address', async () => {
    await fail(1, { emailKey: 'private@example.com', address: '203.0.113.77' });
    const rows = await nodes[0]?.query<{ key: string }[]>('SELECT key FROM sign_in_failure');
    expect(rows?.every(({ key }) => /^[0-9a-f]{64}$/.test(key))).toBe(true);
  });

  it('is off at 0', async () => {
    const off = new SignInLimiter(nodes[0]!, readConfig({ SIGN_IN_LIMIT: '0' }));
    const who = target();
    for (let attempt = 0; attempt < 20; attempt += 1) expect(await told(off.settle(who, 'failed'))).toBe('told');
    expect(await told(off.refuseWhenSpent(who))).toBe('told');
  });
});
