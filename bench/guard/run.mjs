// What a session check costs the server: CPU per request that SessionGuard adds to the same route unguarded, by the
// server process's own accounting. Usage: run.mjs [--quick] [--json] [--adapter express|fastify] [--max-staleness-ms n]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@identity-session/embedded-postgres';
import { Child } from './child.mjs';
import { printReport, surroundings } from './report.mjs';
import { summary } from './statistics.mjs';
import { AIM_US, pathOf, PLACES, VARIANTS } from './variants.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    adapter: { type: 'string' },
    'max-staleness-ms': { type: 'string' },
  },
});

const ADAPTERS = ['express', 'fastify'];
const adapters = ADAPTERS.filter((name) => flags.adapter === undefined || flags.adapter === name);
if (adapters.length === 0) throw new Error(`--adapter takes one of ${ADAPTERS.join(', ')}`);
const configuration = {
  sessions: 1_000,
  connections: 32,
  ...(flags.quick ? { warmUpMs: 250, roundMs: 80, pairs: 7 } : { warmUpMs: 1_000, roundMs: 120, pairs: 41 }),
  maxStalenessMs: flags['max-staleness-ms'] === undefined ? undefined : Number(flags['max-staleness-ms']),
};
const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));
// Standard output is the report's.
const progress = (line) => process.stderr.write(`${line}\n`);

const interrupted = new Promise((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error(`Ended by ${signal}`)));
});
// It is waited for below, once there is something to clean up.
interrupted.catch(() => undefined);

const where = surroundings();
const folder = await mkdtemp(join(tmpdir(), 'bench-guard-'));
const children = [];
let postgres;
try {
  postgres = await startEmbeddedPostgres({ dataDir: folder, settings: { fsync: 'off' } });
  const results = await Promise.race([measure(postgres.url), interrupted]);
  const report = { surroundings: where, configuration, aimUs: AIM_US, results };
  if (flags.json) console.log(JSON.stringify(report, null, 2));
  else printReport(report);
} finally {
  await Promise.all(children.map((child) => child.end()));
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measure(databaseUrl) {
  const results = [];
  for (const adapter of adapters) results.push(...(await measureAdapter(adapter, databaseUrl)));
  return results;
}

async function measureAdapter(adapter, databaseUrl) {
  const server = new Child(fileOf('server.mjs'), ['--expose-gc']);
  const load = new Child(fileOf('load.mjs'));
  children.push(server, load);
  const round = async (variant, place, durationMs = configuration.roundMs) => {
    await server.ask('begin');
    const path = pathOf(variant.route, place);
    const requests = await load.ask('round', { path, credential: variant.credential, durationMs });
    return { requests, ...(await server.ask('end')) };
  };

  progress(`${adapter}: signing in`);
  const { sessions, connections, maxStalenessMs } = configuration;
  const { port, tokens } = await server.ask('open', { adapter, databaseUrl, sessions, maxStalenessMs });
  await assertGuarded(port);
  await load.ask('open', { port, tokens, connections });

  progress(`${adapter}: warming up`);
  for (const variant of VARIANTS) {
    for (const place of PLACES) await round(variant, place, configuration.warmUpMs);
  }

  progress(`${adapter}: measuring`);
  const pairs = VARIANTS.map(() => []);
  for (let pair = 0; pair < configuration.pairs; pair++) {
    for (const [index, variant] of VARIANTS.entries()) pairs[index].push(await measurePair(round, variant, pair));
  }
  await Promise.all([server.end(), load.end()]);
  return VARIANTS.map((variant, index) => resultOf(adapter, variant, pairs[index]));
}

/** Both unguarded routes in turn, and in either order, so that neither position nor a drift in speed favours one. */
async function measurePair(round, variant, pair) {
  const place = pair % 2 === 0 ? 'before' : 'after';
  if (pair % 4 < 2) {
    const unguarded = await round(variant, place);
    return { unguarded, guarded: await round(variant, 'guarded') };
  }
  const guarded = await round(variant, 'guarded');
  return { unguarded: await round(variant, place), guarded };
}

/** A guard that lets everybody in would measure nothing. */
async function assertGuarded(port) {
  for (const { route } of VARIANTS) {
    for (const place of PLACES) {
      const path = pathOf(route, place);
      const { status } = await fetch(`http://127.0.0.1:${port}${path}`);
      const isOpen = place !== 'guarded' || route === 'yes';
      if ((status === 200) !== isOpen) throw new Error(`Without a credential ${path} answers ${status}`);
    }
  }
}

function resultOf(adapter, { name, credential, isAimed }, pairs) {
  const cost = ({ cpuUs, requests }) => cpuUs / requests;
  const total = (key) => pairs.reduce((sum, { guarded }) => sum + guarded[key], 0);
  const addedUs = summary(pairs.map(({ unguarded, guarded }) => cost(guarded) - cost(unguarded)));
  return {
    adapter,
    variant: name,
    credential,
    unguardedUs: summary(pairs.map(({ unguarded }) => cost(unguarded))),
    guardedUs: summary(pairs.map(({ guarded }) => cost(guarded))),
    addedUs,
    statementsPerThousand: (total('statements') / total('requests')) * 1_000,
    meetsAim: isAimed === true ? addedUs.median <= AIM_US : null,
    pairs: pairs.map(({ unguarded, guarded }) => [cost(unguarded), cost(guarded)]),
  };
}
