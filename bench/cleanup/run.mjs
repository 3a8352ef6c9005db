// What the cleanup of many due sessions does to checks and sign-ins that go on meanwhile. See bench/README.md.
// Usage: run.mjs [--quick] [--json] [--database-url url]
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { Child } from '../guard/child.mjs';
import { migrate, startDatabase } from '../database.mjs';
import { surroundings } from '../guard/report.mjs';
import { seedSessions } from '../touch/seed.mjs';
import { figuresOf, quantile, startLoad } from './load.mjs';
import { seedTable } from './seed.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    'database-url': { type: 'string' },
  },
});

const WHOLE = {
  ended: 600_000,
  live: 180_000,
  due: 200_000,
  checked: 20_000,
  perSecond: 400,
  signIns: 20,
  forMs: 30_000,
};
const QUICK = { ended: 30_000, live: 8_000, due: 10_000, checked: 2_000, perSecond: 200, signIns: 10, forMs: 4_000 };
/** In use all the time; the rest of the checked sessions is met for the first time, one in ten requests. */
const HOT = 1_000;
/** PostgreSQL was started a moment ago, and for so long nothing ends for idleness. */
const SYNC_INTERVAL_MS = 2_000;
const STATS = { count: 100, everyMs: 100 };

const size = flags.quick ? QUICK : WHOLE;
const where = surroundings();
const postgres = await startDatabase(flags['database-url']);
const client = new pg.Client({ connectionString: postgres.url });
const node = new Child(fileURLToPath(new URL('node.mjs', import.meta.url)));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text) => {
  if (!flags.json) console.log(text);
};

try {
  const { url: databaseUrl } = postgres;
  await migrate(databaseUrl);
  await client.connect();
  say(`bench:cleanup at ${where.commit}, Node ${where.node}, ${where.cores} × ${where.cpu}, load ${where.loadBefore}`);
  say(`${postgres.name}, a pool of 8; ${JSON.stringify(size)}\n`);
  await seedTable(client, size);
  const tokens = await seedSessions(client, size.checked);
  const [cold, hot] = [tokens.slice(HOT), tokens.slice(0, HOT)];
  const options = { syncIntervalMs: SYNC_INTERVAL_MS, cleanup: { enabled: false } };
  const port = await node.ask('open', { databaseUrl, options });
  const load = () => startLoad({ port, hot, cold, checksPerSecond: size.perSecond, signInsPerSecond: size.signIns });

  // The first requests meet a node that has compiled nothing and knows nobody.
  const warmUp = load();
  await pause(Math.min(5_000, size.forMs));
  await warmUp();

  const statsBefore = await node.ask('stats', STATS);
  const alone = load();
  await pause(size.forMs);
  const without = figuresOf(await alone());
  const beside = load();
  await node.ask('beginCleanUp');
  let run;
  while (run === undefined) {
    await pause(100);
    run = await node.ask('cleanedUp');
  }
  const during = figuresOf(await beside());
  const [{ rows: left }, { rows: events }] = [
    await client.query(`SELECT count(*)::int AS n FROM identity_session WHERE ended_at IS NULL AND due_at < now()`),
    await client.query(
      `SELECT count(*)::int AS n, count(DISTINCT session_id)::int AS sessions FROM identity_session_event WHERE type = 'expired'`,
    ),
  ];
  const stats = {
    live: statsBefore.live,
    firstMs: statsBefore.tookMs[0],
    p95Ms: quantile(statsBefore.tookMs, 0.95),
    maxAfterFirstMs: Math.max(...statsBefore.tookMs.slice(1)),
  };
  const result = { run, stillDue: left[0].n, events: events[0], without, during, stats };
  const targets = [
    [
      'every due session has ended, with one event each',
      run.ended === size.due && left[0].n === 0 && events[0].n === size.due && events[0].sessions === size.due,
    ],
    ['no failed request', without.failed + during.failed === 0],
    ['the checks’ p99 at most doubled', during.check.p99Ms <= 2 * without.check.p99Ms],
    ['statistics told within 50 ms at p95', stats.p95Ms <= 50],
  ].map(([what, met]) => ({ what, met }));
  if (flags.json) console.log(JSON.stringify({ surroundings: where, size, result, targets }, null, 2));
  else print(result, targets);
} finally {
  await node.end();
  await client.end().catch(() => undefined);
  await postgres.stop();
}

function print({ run, without, during, stats, stillDue, events }, targets) {
  const ms = (value) => `${value.toFixed(1)} ms`.padStart(11);
  console.log(
    `${run.ended} sessions ended in ${(run.durationMs / 1_000).toFixed(1)} s, ${events.n} events, ${stillDue} still due\n`,
  );
  for (const kind of ['check', 'signIn']) {
    for (const [name, figures] of Object.entries({ without, during })) {
      const { count, p50Ms, p99Ms, maxMs } = figures[kind];
      console.log(
        `${kind.padEnd(7)} ${name.padEnd(8)} ${String(count).padStart(7)}  p50${ms(p50Ms)}  p99${ms(p99Ms)}  max${ms(maxMs)}`,
      );
    }
  }
  console.log(`failed   ${without.failed} without, ${during.failed} during`);
  console.log(
    `stats    ${stats.live} live; the first${ms(stats.firstMs)}, p95 of ${STATS.count}${ms(stats.p95Ms)}, slowest after the first${ms(stats.maxAfterFirstMs)}\n`,
  );
  for (const { what, met } of targets) console.log(`${met ? 'met    ' : 'NOT MET'} ${what}`);
}
