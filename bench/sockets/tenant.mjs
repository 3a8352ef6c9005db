import { quantile } from '../cleanup/load.mjs';
import { seedSessions } from '../touch/seed.mjs';
import { ask, until, withProcesses } from './cluster.mjs';
import { now, USER_AGENT } from './raw-client.mjs';
import { steadyRequests } from './steady-requests.mjs';

const AT_ONCE = 64;
const CLOSED_WITHIN_MS = 60_000;
/** As long as all may take to be closed: the p99 is of what is asked in this time. */
const OBSERVED_MS = 3_000;
const PER_SECOND = 200;

const WAYS = {
  async cutOff(node, token, tenantId) {
    await ask(node, {
      method: 'POST',
      path: '/admin/cut-offs',
      token,
      body: { tenantId, reason: 'bench' },
      expected: 201,
    });
  },

  async bulk(node, token, tenantId) {
    const body = { filter: { tenantId }, reason: 'bench' };
    for (let more = true; more;) {
      ({ more } = await ask(node, { method: 'POST', path: '/admin/sessions/revoke', token, body, expected: 200 }));
    }
  },
};

/**
 * One node has the sockets of a tenant, the other is told to end its sessions; a bystander asks the first one all the
 * time. Milliseconds from the administrator's request.
 */
export function tenant({ databaseUrl, database }, { sockets, way }) {
  return withProcesses(async (processes) => {
    const tenantId = `tenant-${way}-${Date.now()}`;
    const tokens = await seedSessions(database, sockets, tenantId, USER_AGENT);
    const [a, b] = await Promise.all(
      ['a', 'b'].map((nodeName) => processes.node('sessions', { databaseUrl, options: { nodeName } })),
    );
    const [admin, bystander] = [
      await b.ask('signIn', { userId: 'admin' }),
      await a.ask('signIn', { userId: 'bystander' }),
    ];
    const clients = processes.clients();
    await clients.ask('open', { port: a.port, tokens, atOnce: AT_ONCE });
    await clients.ask('note');
    const load = () =>
      steadyRequests({ port: a.port, path: '/me', token: bystander, perSecond: PER_SECOND, keepAlive: true });
    const calm = load();
    await pause(OBSERVED_MS);
    const before = await calm();

    const stop = load();
    const begunAt = now();
    const [answeredMs] = await Promise.all([
      WAYS[way](b, admin, tenantId).then(() => now() - begunAt),
      pause(OBSERVED_MS),
    ]);
    let state;
    await until(
      'all are closed',
      async () => {
        state = await clients.ask('state');
        return state.closed === sockets;
      },
      CLOSED_WITHIN_MS,
    );
    const { ms, statuses } = await stop();
    return {
      way,
      sockets,
      told: state.told,
      answeredMs,
      allClosedMs: state.lastClosedAt - begunAt,
      meP99MsBefore: quantile(before.ms, 0.99),
      meP99Ms: quantile(ms, 0.99),
      meMaxMs: Math.max(...ms),
      statuses,
    };
  });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
