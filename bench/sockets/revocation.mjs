import { quantile } from '../cleanup/load.mjs';
import { seedSessions } from '../touch/seed.mjs';
import { ask, sessionOf, withProcesses } from './cluster.mjs';
import { now, RawClient, USER_AGENT } from './raw-client.mjs';

const TOLD_WITHIN_MS = 30_000;
const REASON = 'bench';

/** A session that is revoked on one node, and its client on the other; both are served by this process's clock. */
async function revokeOnce(a, b, admin, token) {
  const told = [];
  const moments = {};
  let client;
  await new Promise((resolve, reject) => {
    client = new RawClient(
      { port: b.port, token },
      { joined: resolve, event: (...event) => told.push(event), closed: (why) => reject(new Error(why)) },
    );
  });
  const closed = new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('The client was not disconnected.')), TOLD_WITHIN_MS);
    client.on.closed = () => {
      clearTimeout(deadline);
      moments.closedAt = now();
      resolve();
    };
  });
  moments.sentAt = now();
  const answered = ask(a, {
    method: 'DELETE',
    path: `/admin/sessions/${sessionOf(token)}?reason=${REASON}`,
    token: admin,
    expected: 204,
  }).then(() => {
    moments.answeredAt = now();
  });
  await Promise.all([answered, closed]);
  client.destroy();
  const [name, body] = told.at(-1) ?? [];
  if (name !== 'session:revoked' || body.sessionId !== sessionOf(token) || body.reason !== REASON) {
    throw new Error(`The client was not told why: ${JSON.stringify(told)}`);
  }
  return moments;
}

/**
 * How long after a revocation was answered by one node the client of the other is told and closed, in milliseconds; 0
 * where it was before. And the same from when the revocation was sent.
 */
export function revocation({ databaseUrl, database, redisUrl }, { tries, adapter, hints }) {
  return withProcesses(async (processes) => {
    const options = {
      ...(adapter === 'redis' && { redis: { url: redisUrl } }),
      ...(hints !== undefined && { hints }),
    };
    const opened = ['a', 'b'].map((nodeName) =>
      processes.node('sessions', { databaseUrl, options: { ...options, nodeName }, sockets: { adapter } }),
    );
    const [a, b] = await Promise.all(opened);
    const admin = await a.ask('signIn', { userId: 'admin' });
    // The first ones meet code that nobody has run yet.
    const warmUp = hints === 'off' ? 2 : Math.min(50, tries);
    const tokens = await seedSessions(database, tries + warmUp, '', USER_AGENT);
    const all = [];
    for (const token of tokens) all.push(await revokeOnce(a, b, admin, token));
    const measured = all.slice(warmUp);
    const fromAnswer = measured.map(({ answeredAt, closedAt }) => Math.max(0, closedAt - answeredAt));
    const fromRequest = measured.map(({ sentAt, closedAt }) => closedAt - sentAt);
    return {
      adapter,
      hints: hints ?? 'on',
      tries,
      fromAnswerMs: figuresOf(fromAnswer),
      fromRequestMs: figuresOf(fromRequest),
    };
  });
}

function figuresOf(values) {
  return {
    p50: quantile(values, 0.5),
    p90: quantile(values, 0.9),
    p99: quantile(values, 0.99),
    max: Math.max(...values),
  };
}
