import { eventually } from '../cluster/pause.js';
import type { Cluster } from '../cluster/cluster.js';
import { runNow, wallReader } from '../clock.js';
import type { Fault } from './fault.js';

const JOB_WITHIN_MS = 8_000;

/** kill -9, and a start on the same database. */
const killed: Fault = {
  name: 'node killed',
  concerns: 'node',
  apply: async (cluster, random) => {
    const node = random.pick(cluster.nodes);
    await node.kill();
    return { node: node.name, heal: () => node.start() };
  },
};

/** kill -9 of the node that works on many sessions, or of any where none does so in time. */
const killedAtJob: Fault = {
  name: 'node killed at a job',
  concerns: 'node',
  apply: async (cluster, random) => {
    const other = random.pick(cluster.nodes);
    let busy: string | undefined;
    await eventually(async () => (busy = await nodeAtJob(cluster)) !== undefined, JOB_WITHIN_MS).catch(() => false);
    const node = busy === undefined ? other : cluster.node(busy);
    await node.kill();
    return { node: node.name, heal: () => node.start() };
  },
};

/** SIGSTOP: the node misses everything while wall and monotonic clock go on. */
const stopped: Fault = {
  name: 'node stopped',
  concerns: 'node',
  longestMs: 12_000,
  apply: (cluster, random) => {
    const node = random.pick(cluster.nodes);
    node.suspend();
    return Promise.resolve({
      node: node.name,
      heal: () => {
        node.resume();
        return Promise.resolve();
      },
    });
  },
};

/** SIGTERM under load, as in a rolling restart. */
const terminated: Fault = {
  name: 'node terminated',
  concerns: 'node',
  apply: async (cluster, random) => {
    const node = random.pick(cluster.nodes);
    await terminate(cluster, node.name);
    return { node: node.name, heal: () => node.start() };
  },
};

/** A node that neither sends nor hears hints: as if all of them were lost on the way. */
const withoutHints: Fault = {
  name: 'hints lost',
  concerns: 'node',
  apply: async (cluster, random) => {
    const node = random.pick(cluster.nodes);
    await terminate(cluster, node.name);
    await node.start({ SESSION_HINTS: 'off' });
    return {
      node: node.name,
      heal: async () => {
        await terminate(cluster, node.name);
        await node.start();
      },
    };
  },
};

export const NODE_FAULTS: readonly Fault[] = [killed, killedAtJob, stopped, terminated, withoutHints];

async function nodeAtJob(cluster: Cluster): Promise<string | undefined> {
  const { rows } = await cluster.database.asAdmin((client) =>
    client.query<{ node: string }>(
      `SELECT node FROM identity_session_job
       WHERE status = 'running' AND node IS NOT NULL AND last_id IS NOT NULL AND heartbeat_at > now() - interval '1 second'`,
    ),
  );
  return rows.find(({ node }) => cluster.node(node).isRunning)?.node;
}

/** SIGTERM, and what the database has of accesses then. */
async function terminate(cluster: Cluster, name: string): Promise<void> {
  const node = cluster.node(name);
  // An attempt to start it again may have failed.
  if (!node.isRunning) return;
  const end = await node.terminate();
  const stored = await storedAccesses(cluster).catch(() => undefined);
  if (stored !== undefined && end.at <= runNow()) node.noteStored(end, stored);
}

function storedAccesses(cluster: Cluster): Promise<Map<string, number>> {
  return cluster.database.asAdmin(async (client) => {
    const { rows } = await client.query<{ id: string; at: string }>(
      `SELECT id, extract(epoch FROM last_accessed_at) * 1000 AS at FROM identity_session WHERE status = 'active'`,
    );
    const fromWall = wallReader();
    return new Map(rows.map((row) => [row.id, fromWall(Number(row.at))]));
  });
}
