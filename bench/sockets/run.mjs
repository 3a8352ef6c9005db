// How fast sockets end with their session, what they cost, and what many at once do to a node. See bench/README.md.
// Usage: run.mjs [--quick] [--json] [--only name,name] [--database-url url]
import { parseArgs } from 'node:util';
import pg from 'pg';
import { migrate, startDatabase } from '../database.mjs';
import { surroundings } from '../guard/report.mjs';
import { startRedis } from '../redis-server.mjs';
import { memory } from './memory.mjs';
import { revocation } from './revocation.mjs';
import { storm } from './storm.mjs';
import { targetsOf } from './targets.mjs';
import { tenant } from './tenant.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    'database-url': { type: 'string' },
  },
});

const TAIL_INTERVAL_MS = 1_000;
const WHOLE = { tries: 1_000, triesWithoutHints: 50, sockets: 10_000, rounds: 3, storms: 3, withNest: true };
const QUICK = { tries: 100, triesWithoutHints: 5, sockets: 1_000, rounds: 1, storms: 1, withNest: false };

const { tries, triesWithoutHints, sockets, rounds, storms, withNest } = flags.quick ? QUICK : WHOLE;
/** By name: what is measured, and what is expected of it. */
const SCENARIOS = {
  none: ['revocation', (given) => revocation(given, { tries, adapter: 'none' })],
  postgres: ['revocation', (given) => revocation(given, { tries, adapter: 'postgres' })],
  redis: ['revocation', (given) => revocation(given, { tries, adapter: 'redis' })],
  withoutHints: [
    'withoutHints',
    async (given) => ({
      tailIntervalMs: TAIL_INTERVAL_MS,
      ...(await revocation(given, { tries: triesWithoutHints, adapter: 'none', hints: 'off' })),
    }),
  ],
  memory: ['memory', (given) => memory(given, { sockets, rounds, withNest })],
  cutOff: ['tenant', (given) => tenant(given, { sockets, way: 'cutOff' })],
  bulk: ['tenant', (given) => tenant(given, { sockets, way: 'bulk' })],
  storm: ['storm', (given) => storm(given, { sockets, storms })],
};

/** Kicks need no adapter, and a cut-off is the harder way to end many. */
const QUICK_NAMES = ['none', 'withoutHints', 'memory', 'cutOff', 'storm'];

const names = flags.only?.split(',') ?? (flags.quick ? QUICK_NAMES : Object.keys(SCENARIOS));
const unknown = names.filter((name) => !(name in SCENARIOS));
if (unknown.length > 0) throw new Error(`--only takes ${Object.keys(SCENARIOS).join(', ')}; not ${unknown.join(', ')}`);

const where = surroundings();
const postgres = await startDatabase(flags['database-url']);
const { url: databaseUrl } = postgres;
const database = new pg.Client({ connectionString: databaseUrl });
const redis = names.includes('redis') ? await startRedis() : undefined;
try {
  await migrate(databaseUrl);
  await database.connect();
  if (!flags.json) {
    console.log(
      `bench:sockets at ${where.commit}, Node ${where.node}, ${where.cores} × ${where.cpu}, load ${where.loadBefore}`,
    );
    console.log(`${postgres.name}, pools of 8\n`);
  }
  const results = {};
  for (const name of names) {
    if (name === 'redis' && redis === undefined) {
      console.error('redis is not measured: set REDIS_URL, or install redis-server\n');
      continue;
    }
    const [kind, measure] = SCENARIOS[name];
    const result = await measure({ databaseUrl, database, redisUrl: redis?.url });
    results[name] = { ...result, targets: targetsOf(kind, result, flags) };
    if (!flags.json) print(name, results[name]);
  }
  if (flags.json) console.log(JSON.stringify({ surroundings: where, results }, null, 2));
  const isMet = Object.values(results).every(({ targets }) => targets.every(({ met, isJudged }) => met || !isJudged));
  process.exitCode = isMet ? 0 : 1;
} finally {
  await database.end().catch(() => undefined);
  redis?.stop();
  await postgres.stop();
}

function print(name, { targets, ...result }) {
  console.log(name);
  for (const [key, value] of Object.entries(result)) console.log(`  ${key.padEnd(24)} ${text(value)}`);
  for (const { what, met, isJudged } of targets) {
    console.log(`  ${met ? 'met    ' : 'NOT MET'} ${what}${isJudged ? '' : ' (not judged)'}`);
  }
  console.log('');
}

function text(value) {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(1);
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_, inner) => (typeof inner === 'number' ? Math.round(inner * 10) / 10 : inner));
}
