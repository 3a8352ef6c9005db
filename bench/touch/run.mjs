// What touches cost, and what a node that loses its memory or its log asks of the database. See bench/README.md.
// Usage: run.mjs [--quick] [--json] [--only name,name] [--database-url url]
import { parseArgs } from 'node:util';
import { migrate, startDatabase } from '../database.mjs';
import { surroundings } from '../guard/report.mjs';
import * as scenarios from './scenarios.mjs';
import { targetsOf } from './targets.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    'database-url': { type: 'string' },
  },
});

const WHOLE = {
  checks: { sessions: 10_000, checks: 1_000_000, syncIntervalMs: 30_000 },
  flushes: { sessions: 10_000, nodes: 4, rounds: 8 },
  coldRestart: { sessions: 5_000, perSecond: 1_000, forMs: 15_000 },
  leaseCut: {
    sessions: 5_000,
    perSecond: 2_000,
    cutMs: 20_000,
    options: { maxStalenessMs: 5_000, tailIntervalMs: 1_000 },
  },
  memory: { sessions: 100_000 },
};
const QUICK = {
  checks: { sessions: 1_000, checks: 30_000, syncIntervalMs: 3_000 },
  flushes: { sessions: 1_000, nodes: 4, rounds: 2 },
  coldRestart: { sessions: 300, perSecond: 300, forMs: 1_500 },
  leaseCut: { sessions: 200, perSecond: 300, cutMs: 4_400, options: { maxStalenessMs: 2_000, tailIntervalMs: 200 } },
  memory: { sessions: 10_000 },
};

const sizes = flags.quick ? QUICK : WHOLE;
const names = flags.only?.split(',') ?? Object.keys(sizes);
const unknown = names.filter((name) => !(name in sizes));
if (unknown.length > 0) throw new Error(`--only takes ${Object.keys(sizes).join(', ')}; not ${unknown.join(', ')}`);

const text = (value) => {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(3);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};

const where = surroundings();
const postgres = await startDatabase(flags['database-url']);
try {
  const { url: databaseUrl } = postgres;
  await migrate(databaseUrl);
  if (!flags.json) {
    console.log(
      `bench:touch at ${where.commit}, Node ${where.node}, ${where.cores} × ${where.cpu}, load ${where.loadBefore}`,
    );
    console.log(`${postgres.name}, pools of 8\n`);
  }
  const results = {};
  for (const name of names) {
    const result = await scenarios[name](databaseUrl, sizes[name]);
    results[name] = { ...result, targets: targetsOf(name, result, flags) };
    if (!flags.json) print(name, results[name]);
  }
  if (flags.json) console.log(JSON.stringify({ surroundings: where, results }, null, 2));
} finally {
  await postgres.stop();
}

function print(name, { targets, ...result }) {
  console.log(name);
  for (const [key, value] of Object.entries(result)) console.log(`  ${key.padEnd(22)} ${text(value)}`);
  for (const { what, met } of targets) console.log(`  ${met ? 'met    ' : 'NOT MET'} ${what}`);
  console.log('');
}
