import { quantile } from '../cleanup/load.mjs';
import { seedSessions } from '../touch/seed.mjs';
import { until, withProcesses } from './cluster.mjs';
import { now, USER_AGENT } from './raw-client.mjs';
import { steadyRequests } from './steady-requests.mjs';

const AT_ONCE = 64;
const BACK_WITHIN_MS = 60_000;
const SETTLED_MS = 3_000;
const PER_SECOND = 100;

/**
 * All clients lose their connections, and come back at once and without any patience; several times, so that what a storm
 * leaves behind adds up. Requests go on: `me` over connections that are there, `health` over new ones.
 */
export function storm({ databaseUrl, database }, { sockets, storms }) {
  return withProcesses(async (processes) => {
    const tokens = await seedSessions(database, sockets, '', USER_AGENT);
    const node = await processes.node('sessions', { databaseUrl });
    const bystander = await node.ask('signIn', { userId: 'bystander' });
    const clients = processes.clients();
    await clients.ask('open', { port: node.port, tokens, atOnce: AT_ONCE });
    await pause(SETTLED_MS);
    const before = await node.ask('memory');
    const seen = [];
    for (let number = 0; number < storms; number += 1) {
      await clients.ask('note', { comeBack: true });
      const me = steadyRequests({
        port: node.port,
        path: '/me',
        token: bystander,
        perSecond: PER_SECOND,
        keepAlive: true,
      });
      const health = steadyRequests({ port: node.port, path: '/health', perSecond: PER_SECOND, keepAlive: false });
      await pause(200);
      const begunAt = now();
      await clients.ask('drop');
      let state;
      await until(
        'all clients are back',
        async () => {
          state = await clients.ask('state');
          return state.closed >= sockets && state.open === sockets;
        },
        BACK_WITHIN_MS,
      );
      seen.push({ state, allBackMs: state.lastJoinedAt - begunAt, me: await me(), health: await health() });
      await pause(SETTLED_MS);
    }
    const after = await node.ask('memory');
    // Whoever was lost and came back at once would be there as well.
    const { open } = await clients.ask('state');
    return {
      sockets,
      storms,
      allBackMs: seen.map(({ allBackMs }) => Math.round(allBackMs)),
      failedAttempts: seen.map(({ state }) => state.failures),
      open,
      connections: after.connections,
      me: figuresOf(seen.map(({ me }) => me)),
      health: figuresOf(seen.map(({ health }) => health)),
      heapBefore: before.heap,
      heapAfter: after.heap,
      rssBefore: before.rss,
      rssAfter: after.rss,
    };
  });
}

function figuresOf(all) {
  const ms = all.flatMap((one) => one.ms);
  const statuses = {};
  for (const one of all) {
    for (const [status, count] of Object.entries(one.statuses)) statuses[status] = (statuses[status] ?? 0) + count;
  }
  const again = all.reduce((sum, one) => sum + one.again, 0);
  return { p50Ms: quantile(ms, 0.5), p99Ms: quantile(ms, 0.99), maxMs: Math.max(...ms), statuses, again };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
