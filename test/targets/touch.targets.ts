import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const BENCH = fileURLToPath(new URL('../../bench/touch/run.mjs', import.meta.url));

interface Result {
  readonly targets: readonly { readonly what: string; readonly met: boolean }[];
}

/** The benchmark in its short form, against a database of its own; what it measures is told where a target is missed. */
function measure(databaseUrl: string, only: string): Promise<Result> {
  const args = [BENCH, '--quick', '--json', '--only', only, '--database-url', databaseUrl];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [printed, complaints] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code !== 0) reject(new Error(`The benchmark ended with ${String(code)}:\n${complaints}`));
      else resolve((JSON.parse(printed) as { results: Record<string, Result> }).results[only]!);
    });
  });
}

describe('the targets of touches, leases and memory, with small numbers', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it.each([
    ['many checks in one sync interval write each session once, by HOT updates', 'checks'],
    ['four nodes that write the same sessions at once do not deadlock, and lose no newest access', 'flushes'],
    ['a node that starts knowing nothing reads each session once, and refuses nobody', 'coldRestart'],
    ['a node that cannot read the log asks within bounds, refuses nobody, and recovers soon', 'leaseCut'],
    ['a session takes less than 1 KB of memory', 'memory'],
  ])(
    '%s',
    async (_what, scenario) => {
      const { targets, ...figures } = await measure(database.url, scenario);
      const missed = targets.filter(({ met }) => !met).map(({ what }) => what);
      expect({ missed, figures }).toEqual({ missed: [], figures });
      expect(targets.length).toBeGreaterThan(0);
    },
    120_000,
  );
});
