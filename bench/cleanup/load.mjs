// Checks and sign-ins at steady rates over keep-alive connections, whether or not earlier ones have been answered.
import { Agent, request } from 'node:http';

const TICK_MS = 10;

/** Sends until `stop`, which gives the latencies of both kinds and how often each status came. */
export function startLoad({ port, hot, cold, checksPerSecond, signInsPerSecond }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const kinds = { check: { ms: [], statuses: {} }, signIn: { ms: [], statuses: {} } };
  const open = new Set();
  let turn = 0;

  const send = (kind, method, path, headers, body) =>
    new Promise((resolve) => {
      const sentAt = performance.now();
      const note = (status) => {
        kinds[kind].statuses[status] = (kinds[kind].statuses[status] ?? 0) + 1;
        resolve();
      };
      const outgoing = request({ agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
        answer.resume();
        answer.on('close', () => {
          kinds[kind].ms.push(performance.now() - sentAt);
          note(answer.statusCode);
        });
      });
      outgoing.on('error', () => note('unreachable'));
      outgoing.end(body);
    });
  const check = () => {
    turn += 1;
    // One in ten is of a session that the node has not seen yet.
    const token = turn % 10 === 0 && cold.length > 0 ? cold.pop() : hot[turn % hot.length];
    return send('check', 'GET', '/me', { authorization: `Bearer ${token}` });
  };
  const signIn = () => {
    turn += 1;
    const body = JSON.stringify({ userId: `signs-in-${turn}` });
    return send('signIn', 'POST', '/sign-in', { 'content-type': 'application/json' }, body);
  };

  const begunAt = performance.now();
  const steady = (perSecond, one) => {
    let sent = 0;
    return setInterval(() => {
      const due = Math.floor(((performance.now() - begunAt) / 1_000) * perSecond);
      // A generator that fell behind must not catch up in a burst.
      for (let n = 0; sent < due && n < Math.max(2, perSecond / 10); n += 1, sent += 1) {
        const sending = one();
        open.add(sending);
        void sending.finally(() => open.delete(sending));
      }
      sent = Math.max(sent, due);
    }, TICK_MS);
  };
  const timers = [steady(checksPerSecond, check), steady(signInsPerSecond, signIn)];

  return async () => {
    for (const timer of timers) clearInterval(timer);
    await Promise.all(open);
    agent.destroy();
    return kinds;
  };
}

/** The value below which this part of the values is. */
export function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

/** By kind of request, and how many failed in all. */
export function figuresOf(kinds) {
  const figures = { failed: 0 };
  for (const [kind, { ms, statuses }] of Object.entries(kinds)) {
    figures[kind] = { count: ms.length, p50Ms: quantile(ms, 0.5), p99Ms: quantile(ms, 0.99), maxMs: Math.max(...ms) };
    for (const [status, count] of Object.entries(statuses)) if (status !== '200') figures.failed += count;
  }
  return figures;
}
