// What administrators' queries cost, on the first page and on the thousandth. See bench/README.md.
// Usage: run.mjs [--quick] [--json] [--rows n] [--plans file] [--database-url url]
// A database that is given and has sessions is taken as an earlier run has left it.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { migrateIdentitySession, PostgresSessionStore } from 'nestjs-identity-session';
import { DataSource } from 'typeorm';
import { startDatabase } from '../database.mjs';
import { surroundings } from '../guard/report.mjs';
import { plansOf } from './plans.mjs';
import { questions, searches } from './queries.mjs';
import { NAMES, seed } from './seed.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rows: { type: 'string' },
    plans: { type: 'string' },
    'database-url': { type: 'string' },
  },
});

const ROWS = Number(flags.rows ?? (flags.quick ? 50_000 : 1_000_000));
const TRIES = flags.quick ? 10 : 40;
const PAGE = 50;
/** Pages that lie before the one that is asked for. */
const PAGES_BEFORE = 999;
const TARGET_MS = 50;
const STRIDE = 1_000;

const where = surroundings();
const postgres = await startDatabase(flags['database-url']);
const statements = [];
const logger = {
  logQuery: (sql, parameters) => statements.push({ sql, parameters }),
  ...Object.fromEntries(
    ['logQueryError', 'logQuerySlow', 'logSchemaBuild', 'logMigration', 'log'].map((name) => [name, () => undefined]),
  ),
};
const dataSource = await new DataSource({
  type: 'postgres',
  url: postgres.url,
  logger,
}).initialize();
try {
  await migrateIdentitySession(dataSource);
  const runner = dataSource.createQueryRunner();
  const [{ seeded }] = await runner.query('SELECT EXISTS (SELECT FROM identity_session) AS seeded');
  if (!seeded) await seed(runner, ROWS);
  const [server] = await runner.query(
    `SELECT current_setting('server_version') AS version, current_setting('shared_buffers') AS buffers,
       pg_size_pretty(pg_total_relation_size('identity_session')) AS size`,
  );
  const [{ live }] = await runner.query(
    `SELECT count(*)::int AS live FROM identity_session WHERE status IN ('pending', 'active', 'suspended')`,
  );
  await runner.release();
  const head =
    `bench:admin at ${where.commit}, Node ${where.node}, ${where.cores} × ${where.cpu}, load ${where.loadBefore}; ` +
    `${postgres === undefined ? 'the PostgreSQL that was given' : 'embedded PostgreSQL'} ${server.version}, ` +
    `shared_buffers ${server.buffers}; ${ROWS} sessions (${live} live, ${server.size}), pages of ${PAGE}, ` +
    `${TRIES} tries each`;
  if (!flags.json) console.log(`${head}\n\n${'p95 in ms'.padEnd(54)}   first  thousandth`);
  const store = PostgresSessionStore.on(dataSource, { deadlineMs: 60_000 });
  const results = await measureAll(store);
  const bulk = await measureBulk(store);
  if (flags.json)
    console.log(JSON.stringify({ surroundings: where, server, rows: ROWS, live, results, bulk }, null, 2));
  else {
    console.log(`\nrevoking ${bulk.ended} sessions of a tenant: ${bulk.perSecond.toFixed(0)} a second`);
    const missed = results.filter(({ first, late }) => Math.max(first, late ?? 0) > TARGET_MS);
    console.log(
      missed.length === 0 ? `met: all p95 ≤ ${TARGET_MS} ms` : `NOT MET: ${missed.length} above ${TARGET_MS} ms`,
    );
  }
  if (flags.plans !== undefined) await writeFile(flags.plans, plansOf(head, results));
} finally {
  await dataSource.destroy();
  await postgres.stop();
}

async function measureAll(store) {
  const [session] = await store.list(
    { scope: { kind: 'all' }, status: 'active', tenantId: NAMES.largeTenant },
    { limit: 1, descending: true, after: null },
  );
  const results = [];
  for (const [name, { filter, sort = 'createdAt', descending = true }] of Object.entries(searches(session))) {
    const page = { limit: PAGE + 1, sort, descending, after: null };
    const first = await p95(() => store.list(filter, page));
    const plans = await explained(() => store.list(filter, page));
    const after = await keyAfter(store, filter, page, PAGES_BEFORE * PAGE);
    const late = after === null ? null : await p95(() => store.list(filter, { ...page, after }));
    report(results, { name, first, late, plans });
  }
  for (const [name, ask] of Object.entries(questions(session))) {
    report(results, { name, first: await p95(() => ask(store)), late: null, plans: await explained(() => ask(store)) });
  }
  return results;
}

function report(results, result) {
  results.push(result);
  if (flags.json) return;
  const shown = (ms) => (ms === null ? '–' : ms.toFixed(1)).padStart(8);
  const isMissed = Math.max(result.first, result.late ?? 0) > TARGET_MS;
  console.log(
    `${result.name.padEnd(54)}${shown(result.first)}    ${shown(result.late)}${isMissed ? '   NOT MET' : ''}`,
  );
}

async function p95(ask) {
  const times = [];
  for (let attempt = -2; attempt < TRIES; attempt += 1) {
    const begunAt = performance.now();
    await ask();
    if (attempt >= 0) times.push(performance.now() - begunAt);
  }
  return times.sort((a, b) => a - b)[Math.ceil(TRIES * 0.95) - 1];
}

/** The key of the last session before the page; that of the last full page where there are fewer. */
async function keyAfter(store, filter, page, count) {
  let after = null;
  for (let seen = 0; seen < count; seen += STRIDE) {
    const limit = Math.min(STRIDE, count - seen);
    const found = await store.list(filter, { ...page, limit, after });
    if (found.length <= PAGE) break;
    after = found.length < limit ? found.at(-PAGE - 1) : found.at(-1);
    if (found.length < limit) break;
  }
  return after;
}

/** How the database went about the statements of a question. */
async function explained(ask) {
  statements.length = 0;
  await ask();
  const asked = statements.filter(({ sql }) => sql.includes('identity_session'));
  const plans = [];
  for (const { sql, parameters } of asked) {
    const rows = await dataSource.query(`EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF, TIMING OFF) ${sql}`, parameters);
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
  }
  return plans;
}

/** The other way round at the end: it changes what was measured. */
async function measureBulk(store) {
  const filter = { scope: { kind: 'all' }, tenantId: NAMES.largeTenant, status: 'unended' };
  const most = Math.min(10_000, ROWS / 20);
  const begunAt = performance.now();
  let ended = 0;
  let afterId;
  while (ended < most) {
    const page = await store.endMany(
      afterId === undefined ? filter : { ...filter, afterId },
      'revoked',
      { reason: 'bench', by: null },
      1_000,
    );
    if (page.length === 0) break;
    ended += page.length;
    afterId = page
      .map(({ id }) => id)
      .sort()
      .at(-1);
  }
  return { ended, perSecond: (ended / (performance.now() - begunAt)) * 1_000 };
}
