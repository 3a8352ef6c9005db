// What is measured. Each scenario takes the address of an empty database with the module's tables and its size, and gives
// figures; what they should be is said by the report and by the tests.
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { Child } from '../guard/child.mjs';
import { startLoad } from './load.mjs';
import { seedSessions } from './seed.mjs';
import { wireTo } from './wire.mjs';

const NODE = fileURLToPath(new URL('node.mjs', import.meta.url));
/** Between the accesses of two nodes: more than the nodes' clocks can be apart. */
const STEP_MS = 400;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Until so many more requests were answered: a busy machine takes longer. */
async function answered(load, count) {
  const from = load.statuses[200] ?? 0;
  while ((load.statuses[200] ?? 0) < from + count) await pause(20);
}

/** Runs `work` with a connection, and with nodes that are ended whatever happens. */
async function within(databaseUrl, work) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const nodes = [];
  const start = async (given, execArgv = []) => {
    const node = new Child(NODE, execArgv);
    nodes.push(node);
    const port = await node.ask('open', { databaseUrl, ...given });
    return { node, port };
  };
  try {
    return await work({ client, start });
  } finally {
    await Promise.all(nodes.map((node) => node.end()));
    await client.query('TRUNCATE identity_session CASCADE');
    await client.end();
  }
}

async function updatesOf(client) {
  await client.query('SELECT pg_stat_clear_snapshot()');
  const { rows } = await client.query(
    `SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 'identity_session'`,
  );
  return rows[0];
}

async function deadlocksOf(client) {
  await client.query('SELECT pg_stat_clear_snapshot()');
  const { rows } = await client.query(
    'SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()',
  );
  return rows[0].n;
}

/** Many checks of few sessions within one sync interval. */
export function checks(databaseUrl, { sessions, checks: count, syncIntervalMs }) {
  return within(databaseUrl, async ({ client, start }) => {
    const tokens = await seedSessions(client, sessions);
    const before = await updatesOf(client);
    const { node } = await start({ options: { syncIntervalMs } });
    await node.ask('follow');
    const begunAt = performance.now();
    // The first check of each session loads it, and begins its interval.
    const first = await node.ask('check', { tokens, count: sessions });
    const rest = await node.ask('check', { tokens, count: count - sessions });
    const withinMs = performance.now() - begunAt;
    while ((await node.ask('counts')).buffered > 0) await pause(50);
    const { touchStatements, touchedRows, loadedSessions } = await node.ask('counts');
    // A connection that ends reports its statistics.
    await node.ask('close');
    const after = await updatesOf(client);
    const rows = after.all - before.all;
    return {
      sessions,
      checks: count,
      syncIntervalMs,
      withinMs,
      refused: first.refused + rest.refused,
      cpuUsPerCheck: rest.cpuUs / (count - sessions),
      rowsWritten: rows,
      hot: (after.hot - before.hot) / rows,
      touchStatements,
      touchedRows,
      loadedSessions,
    };
  });
}

/** Several nodes write the accesses of the same sessions at the same moment. */
export function flushes(databaseUrl, { sessions, nodes: count, rounds }) {
  return within(databaseUrl, async ({ client, start }) => {
    const tokens = await seedSessions(client, sessions);
    const nodes = [];
    for (let n = 0; n < count; n += 1) nodes.push((await start({})).node);
    await Promise.all(nodes.map((node) => node.ask('follow')));
    const deadlocks = await deadlocksOf(client);
    let lost = 0;
    const durations = [];
    for (let round = 0; round < rounds; round += 1) {
      // Another node is the last in each round, and each has the sessions in another order.
      for (let n = 0; n < count; n += 1) {
        const turned = [...tokens.slice((sessions / count) * n), ...tokens.slice(0, (sessions / count) * n)];
        await nodes[(n + round) % count].ask('check', { tokens: turned, count: sessions });
        if (n < count - 1) await pause(STEP_MS);
      }
      const newest = await nodes[(count - 1 + round) % count].ask('newest', { tokens });
      const begunAt = performance.now();
      await Promise.all(nodes.map((node) => node.ask('flush')));
      durations.push(performance.now() - begunAt);
      const { rows } = await client.query(
        'SELECT id, (extract(epoch FROM last_accessed_at) * 1000)::float8 AS at FROM identity_session',
      );
      const stored = new Map(rows.map(({ id, at }) => [id, at]));
      lost += tokens.filter((token, n) => stored.get(idOf(token)) < newest[n] - STEP_MS / 2).length;
    }
    await Promise.all(nodes.map((node) => node.ask('close')));
    return {
      sessions,
      nodes: count,
      rounds,
      deadlocks: (await deadlocksOf(client)) - deadlocks,
      lost,
      medianFlushMs: durations.toSorted((a, b) => a - b)[Math.floor(rounds / 2)],
    };
  });
}

/** A node is killed and another takes its place, knowing nothing, while requests go on. */
export function coldRestart(databaseUrl, { sessions, perSecond, forMs }) {
  return within(databaseUrl, async ({ client, start }) => {
    const tokens = await seedSessions(client, sessions);
    const first = await start({});
    await first.node.ask('follow');
    const load = startLoad({ port: first.port, tokens, perSecond });
    await pause(forMs / 4);
    await first.node.end();
    const { node } = await start({ port: first.port });
    const restartedAt = performance.now();
    await pause(forMs);
    const { perSecond: achieved } = await load.stop();
    const { loadedSessions, loadStatements } = await node.ask('counts');
    return {
      sessions,
      perSecond: achieved,
      forMs: performance.now() - restartedAt,
      statuses: load.statuses,
      loadedSessions,
      loadStatements,
      readsPerSession: loadedSessions / sessions,
    };
  });
}

/** A node can no longer read the change log, while its pool goes on to work. */
export function leaseCut(databaseUrl, { sessions, perSecond, cutMs, options }) {
  return within(databaseUrl, async ({ client, start }) => {
    const tokens = await seedSessions(client, sessions);
    const wire = await wireTo(databaseUrl);
    try {
      const { node, port } = await start({ options: { ...options, directUrl: wire.url } });
      await node.ask('follow');
      const load = startLoad({ port, tokens, perSecond });
      // Every session has been used once before.
      await answered(load, sessions * 1.5);
      const before = await node.ask('counts');
      wire.silence();
      const cutAt = performance.now();
      await pause(cutMs);
      const wasCut = !(await node.ask('isFollowing'));
      const during = await node.ask('counts');
      // A busy machine lets it pass for longer.
      const cutForMs = performance.now() - cutAt;
      wire.heal();
      const recoveryMs = await node.ask('follow');
      // Once more everybody, after the position was lost; and then nobody.
      await answered(load, sessions * 1.5);
      const after = await node.ask('counts');
      await pause(options.maxStalenessMs * 1.5);
      const settled = await node.ask('counts');
      const { perSecond: achieved } = await load.stop();
      return {
        sessions,
        perSecond: achieved,
        cutMs,
        maxStalenessMs: options.maxStalenessMs,
        wasCut,
        statuses: load.statuses,
        slowestMs: load.slowest.ms,
        readsDuringCut: during.loadedSessions - before.loadedSessions,
        /** Each session in use at most once in a lease; while the log's own lasts, none. */
        boundOfReads: sessions * Math.ceil(cutForMs / options.maxStalenessMs),
        readsPerSecond: (during.loadedSessions - before.loadedSessions) / (cutForMs / 1_000),
        statementsDuringCut: during.loadStatements - before.loadStatements,
        recoveryMs,
        readsOnRecovery: after.loadedSessions - during.loadedSessions,
        readsAfterwards: settled.loadedSessions - after.loadedSessions,
      };
    } finally {
      wire.close();
    }
  });
}

/** What a session takes in the memory of a node. */
export function memory(databaseUrl, { sessions }) {
  return within(databaseUrl, async ({ client, start }) => {
    const tokens = await seedSessions(client, sessions);
    const { node } = await start({ options: { cache: { maxSessions: 200_000 } } }, ['--expose-gc']);
    await node.ask('follow');
    const { known, used, refused } = await node.ask('memory', { tokens });
    return { sessions, knownBytes: known, usedBytes: used, refused };
  });
}

const idOf = (token) => token.slice(4, 40);
