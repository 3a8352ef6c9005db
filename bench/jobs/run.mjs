// Revokes a fifth of all sessions by a job on two nodes, kills the one that works in the middle, and measures what checks
// and sign-ins notice meanwhile. See bench/README.md.
// Usage: run.mjs [--quick] [--json] [--database-url url]
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { figuresOf, startLoad } from '../cleanup/load.mjs';
import { seedTable } from '../cleanup/seed.mjs';
import { migrate, startDatabase } from '../database.mjs';
import { Child } from '../guard/child.mjs';
import { surroundings } from '../guard/report.mjs';
import { seedSessions } from '../touch/seed.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    'database-url': { type: 'string' },
  },
});

const WHOLE = { revoked: 200_000, live: 780_000, checked: 20_000, perSecond: 300, signIns: 20, forMs: 20_000 };
const QUICK = { revoked: 10_000, live: 38_000, checked: 2_000, perSecond: 150, signIns: 10, forMs: 4_000 };
/** In use all the time; the rest of the checked sessions is met for the first time, one in ten requests. */
const HOT = 1_000;
const MAX_STALENESS_MS = 5_000;
const TENANT = 'victims';

const size = flags.quick ? QUICK : WHOLE;
const where = surroundings();
const postgres = await startDatabase(flags['database-url']);
const client = new pg.Client({ connectionString: postgres.url });
const nodes = ['a', 'b'].map(() => new Child(fileURLToPath(new URL('node.mjs', import.meta.url))));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text) => {
  if (!flags.json) console.log(text);
};

try {
  await migrate(postgres.url);
  await client.connect();
  say(`bench:jobs at ${where.commit}, Node ${where.node}, ${where.cores} × ${where.cpu}, load ${where.loadBefore}`);
  say(`${postgres.name}, a pool of 8 per node; ${JSON.stringify(size)}\n`);
  await seedTable(client, { live: size.live + size.revoked, due: 0, ended: 0 });
  await client.query(
    `WITH drawn AS (SELECT id FROM identity_session ORDER BY md5(id::text) LIMIT $2)
     UPDATE identity_session s SET tenant_id = $1 FROM drawn WHERE s.id = drawn.id`,
    [TENANT, size.revoked],
  );
  await client.query('VACUUM ANALYZE identity_session');
  const tokens = await seedSessions(client, size.checked);
  const [cold, hot] = [tokens.slice(HOT), tokens.slice(0, HOT)];
  const ports = [];
  for (const [index, node] of nodes.entries()) {
    const options = { nodeName: 'ab'[index], maxStalenessMs: MAX_STALENESS_MS, cleanup: { enabled: false } };
    ports.push(await node.ask('open', { databaseUrl: postgres.url, options }));
  }
  const [worker, survivor] = nodes;
  // All requests are the survivor's to answer: those of a node that is killed fail whatever the module does.
  const load = () =>
    startLoad({ port: ports[1], hot, cold, checksPerSecond: size.perSecond, signInsPerSecond: size.signIns });

  const warmUp = load();
  await pause(Math.min(5_000, size.forMs));
  await warmUp();
  const alone = load();
  await pause(size.forMs);
  const without = figuresOf(await alone());

  for (const node of nodes) await node.ask('watchLag');
  const beside = load();
  const begunAt = performance.now();
  const asked = await worker.ask('startJob', { filter: { tenantId: TENANT } });
  const askedMs = performance.now() - begunAt;
  let job;
  for (;;) {
    job = await survivor.ask('job', { id: asked.id });
    if (job.changed >= size.revoked / 2) break;
    await pause(50);
  }
  const lagOfWorker = await worker.ask('lag');
  const killedAt = performance.now();
  await worker.end();
  const atKill = job.changed;
  let resumedMs;
  while (job.status === 'running') {
    await pause(50);
    job = await survivor.ask('job', { id: asked.id });
    if (resumedMs === undefined && job.node === 'b') resumedMs = performance.now() - killedAt;
  }
  const durationMs = performance.now() - begunAt;
  const during = figuresOf(await beside());
  const lag = await survivor.ask('lag');
  const { rows } = await client.query(
    `SELECT (SELECT count(*)::int FROM identity_session WHERE tenant_id = $1 AND ended_at IS NULL) AS left,
       count(*)::int AS events, count(DISTINCT e.session_id)::int AS sessions
     FROM identity_session_event e WHERE e.type = 'revoked'`,
    [TENANT],
  );
  const result = { job, askedMs, durationMs, atKill, resumedMs, rows: rows[0], lag, lagOfWorker, without, during };
  const targets = [
    [
      'every session has ended, with one event each, and is counted once',
      job.status === 'done' &&
        job.changed === size.revoked &&
        rows[0].left === 0 &&
        rows[0].events === size.revoked &&
        rows[0].sessions === size.revoked,
    ],
    ['no failed request', without.failed + during.failed === 0],
    [
      `the log is read within ${MAX_STALENESS_MS} ms on both nodes, all the time`,
      Math.max(lag.lagMs, lag.delayMs, lagOfWorker.lagMs, lagOfWorker.delayMs) < MAX_STALENESS_MS &&
        lag.leaseLost + lagOfWorker.leaseLost === 0,
    ],
    ['the checks’ p99 at most doubled', during.check.p99Ms <= 2 * without.check.p99Ms],
  ].map(([what, met]) => ({ what, met }));
  if (flags.json) console.log(JSON.stringify({ surroundings: where, size, result, targets }, null, 2));
  else print(result, targets);
} finally {
  for (const node of nodes) await node.end();
  await client.end().catch(() => undefined);
  await postgres.stop();
}

function print({ job, askedMs, durationMs, atKill, resumedMs, rows, lag, lagOfWorker, without, during }, targets) {
  const ms = (value) => `${value.toFixed(1)} ms`.padStart(11);
  console.log(
    `${job.changed} sessions revoked in ${(durationMs / 1_000).toFixed(1)} s; asked in ${askedMs.toFixed(0)} ms; killed at ` +
      `${atKill}, gone on with ${((resumedMs ?? Number.NaN) / 1_000).toFixed(1)} s later; ${rows.events} events, ${rows.left} left`,
  );
  console.log(
    `log      read at most${ms(lag.lagMs)} ago (the killed node${ms(lagOfWorker.lagMs)}), changes at most${ms(lag.delayMs)} old\n`,
  );
  for (const kind of ['check', 'signIn']) {
    for (const [name, figures] of Object.entries({ without, during })) {
      const { count, p50Ms, p99Ms, maxMs } = figures[kind];
      console.log(
        `${kind.padEnd(7)} ${name.padEnd(8)} ${String(count).padStart(7)}  p50${ms(p50Ms)}  p99${ms(p99Ms)}  max${ms(maxMs)}`,
      );
    }
  }
  console.log(`failed   ${without.failed} without, ${during.failed} during\n`);
  for (const { what, met } of targets) console.log(`${met ? 'met    ' : 'NOT MET'} ${what}`);
}
