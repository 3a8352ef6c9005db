import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from './checker/check.js';
import { notExercised } from './checker/exercise.js';
import { ClientStalls } from './client-stalls.js';
import { runNow } from './clock.js';
import { Cluster } from './cluster/cluster.js';
import type { Database } from './cluster/database.js';
import type { ClusterNode } from './cluster/node.js';
import { eventually, pause } from './cluster/pause.js';
import type { Evidence } from './evidence.js';
import { Nemesis } from './faults/nemesis.js';
import { History } from './history.js';
import { readLedger } from './ledger.js';
import { seededRandom } from './random.js';
import { readSharedLevel } from './shared-level.js';
import { SocketHistory } from './socket-history.js';
import type { Settings } from './settings.js';
import { describeViolations, summarise } from './summary.js';
import { Watcher } from './watcher.js';
import { BulkProbe } from './workload/bulk-probe.js';
import { Client } from './workload/client.js';
import type { Person } from './workload/people.js';
import { RevocationProbe } from './workload/revocation-probe.js';
import { SocketClient } from './workload/socket-client.js';
import { SocketCrowd } from './workload/socket-crowd.js';
import { Workload } from './workload/workload.js';

/** Tokens that every node is asked for at the end: the newest, and all that are held to be live. */
const FINAL_TOKENS = 400;
const FINAL_AT_ONCE = 4;
const READY_WITHIN_MS = 60_000;

/**
 * Three nodes under load while faults come and go; then quiet, and the judgement. True where no promise was broken.
 */
export async function run(settings: Settings, log: (line: string) => void): Promise<boolean> {
  const { seed, strategy, durationMs } = settings;
  log(
    `Seed ${seed}: ${durationMs / 60_000} minutes, ${strategy.name} ${strategy.limit}. The same seed makes the same decisions.`,
  );
  const cluster = await Cluster.start(settings);
  try {
    const random = seededRandom(seed);
    const history = new History();
    const client = new Client(cluster, history);
    const workload = new Workload(client);
    const probe = new RevocationProbe(cluster, workload.own, workload.admin);
    const bulk = new BulkProbe(cluster, workload.own, workload.jobs);
    const stalls = new ClientStalls();
    const socketHistory = new SocketHistory();
    const crowd = new SocketCrowd({
      cluster,
      client,
      own: workload.own,
      people: workload.people,
      sockets: new SocketClient(history, socketHistory),
      history: socketHistory,
    });
    const first = cluster.nodes[0]!;
    await workload.prepare(settings.users, first);
    const makeAdministrator = (person: Person): Promise<void> => workload.makeAdministrator(first, person);
    await probe.prepare(first, makeAdministrator);
    await crowd.prepare(makeAdministrator);
    await bulk.prepare(makeAdministrator);

    const watcher = new Watcher(cluster.database, strategy);
    const nemesis = new Nemesis(cluster, settings, random.fork('nemesis'), log);
    stalls.start();
    watcher.start();
    workload.start(settings.workers, random.fork('workload'));
    probe.start(random.fork('probe'));
    crowd.start(settings.devices, random.fork('crowd'));
    bulk.start(random.fork('bulk'));
    await nemesis.run(runNow() + durationMs);

    await bulk.stop();
    await probe.stop();
    await workload.stop();
    await crowd.stop();
    await crowd.gather();
    await quiet(cluster, client, settings);
    client.final = true;
    const census = await crowd.count();
    await watcher.stop();
    const sharedLevel = cluster.redis === undefined ? [] : await readSharedLevel(cluster.redis.url);
    const ledger = await readLedger(cluster.database);
    await crowd.leave();
    stalls.stop();
    // One of them knows nothing, and finds what the others have left in Redis.
    await restart(cluster.nodes.at(-1)!);
    await askEverybody(cluster, workload, [
      ...workload.people,
      workload.administrator,
      ...probe.people,
      ...crowd.people,
      ...bulk.people,
    ]);
    for (const node of cluster.nodes) if (node.isRunning) await node.terminate();

    const evidence: Evidence = {
      settings,
      operations: history.operations,
      faults: nemesis.records,
      absences: [...stalls.absences, ...cluster.nodes.flatMap((node) => node.absences)],
      ends: cluster.nodes.flatMap((node) => node.ends),
      observations: watcher.observations,
      ledger,
      sharedLevel,
      sockets: socketHistory.records,
      census,
    };
    const violations = check(evidence);
    const missing = notExercised(evidence);
    log(summarise(evidence, probe.latencies, notes(cluster, workload)));
    log(describeViolations(violations));
    for (const what of missing) log(`Too little happened to prove anything: ${what}.`);
    const isWell = violations.length === 0 && missing.length === 0;
    await keep(evidence, settings, !isWell, log);
    return isWell;
  } finally {
    await cluster.remove();
  }
}

/** True once no job is to be done any more. */
async function hasNoWork(database: Database): Promise<boolean> {
  const { rows } = await database.asAdmin((client) =>
    client.query(`SELECT id FROM identity_session_job WHERE status = 'running' LIMIT 1`),
  );
  return rows.length === 0;
}

async function restart(node: ClusterNode): Promise<void> {
  await node.terminate();
  await node.start();
  if (!(await eventually(() => node.isHealthy(), READY_WITHIN_MS)))
    throw new Error(`Node ${node.name} is not healthy.`);
}

/** Until what was buffered must have been written, and every lease and queue has had its time. */
async function quiet(cluster: Cluster, client: Client, settings: Settings): Promise<void> {
  await eventually(() => Promise.resolve(client.inFlight === 0), settings.answerWithinMs);
  await cluster.recovers(settings.recoverWithinMs);
  await eventually(() => hasNoWork(cluster.database), settings.recoverWithinMs);
  await pause(settings.syncIntervalMs + settings.idleMarginMs + settings.maxStalenessMs);
}

/** Each node is asked for each session, at about the same time. */
async function askEverybody(cluster: Cluster, workload: Workload, people: readonly Person[]): Promise<void> {
  const tokens = people.flatMap((person) => {
    const all = [...person.newest.values()].slice(-Math.ceil(FINAL_TOKENS / people.length));
    return [...new Set([...all, ...person.live.values()])].map((token) => ({ person, token }));
  });
  for (let start = 0; start < tokens.length; start += FINAL_AT_ONCE) {
    const some = tokens.slice(start, start + FINAL_AT_ONCE);
    await Promise.all(
      some.flatMap(({ person, token }) => cluster.nodes.map((node) => workload.own.me(node, person, token))),
    );
  }
}

function notes(cluster: Cluster, workload: Workload): string[] {
  return [
    ...(cluster.redis === undefined ? ['there was no Redis.'] : []),
    ...[...workload.admin.missing].map((route) => `the server has no ${route} route; it was left out.`),
    'clocks that differ between nodes need libfaketime, which is not used here; the simulation covers them.',
  ];
}

/** The record of a run that went wrong is kept for whoever looks for the cause. */
async function keep(
  evidence: Evidence,
  settings: Settings,
  isWrong: boolean,
  log: (line: string) => void,
): Promise<void> {
  const file = settings.historyFile ?? (isWrong ? join(tmpdir(), `nemesis-${settings.seed}.json`) : null);
  if (file === null) return;
  const text = JSON.stringify(evidence, (_, value: unknown) =>
    value instanceof Map ? [...(value as Map<unknown, unknown>)] : value,
  );
  await writeFile(file, text);
  log(`The record of the run is in ${file}.`);
}
