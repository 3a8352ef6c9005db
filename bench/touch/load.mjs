// Requests at a steady rate over keep-alive connections, whether or not earlier ones have been answered.
import { Agent, request } from 'node:http';

const TICK_MS = 10;

/** Sends until `stop`; gives how often each status came. A connection that breaks counts as `unreachable`. */
export function startLoad({ port, tokens, perSecond }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const statuses = {};
  const slowest = { ms: 0 };
  const open = new Set();
  let turn = 0;
  const count = (status) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  const send = (token) =>
    new Promise((resolve) => {
      const sentAt = performance.now();
      const headers = { authorization: `Bearer ${token}` };
      const outgoing = request({ agent, host: '127.0.0.1', port, path: '/me', headers }, (answer) => {
        count(answer.statusCode);
        answer.resume();
        answer.on('close', () => {
          slowest.ms = Math.max(slowest.ms, performance.now() - sentAt);
          resolve();
        });
      });
      outgoing.on('error', () => {
        count('unreachable');
        resolve();
      });
      outgoing.end();
    });

  const begunAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begunAt) / 1_000) * perSecond);
    // A generator that fell behind must not catch up in a burst.
    for (let n = 0; sent < due && n < perSecond / 10; n += 1, sent += 1) {
      const sending = send(tokens[turn++ % tokens.length]);
      open.add(sending);
      void sending.finally(() => open.delete(sending));
    }
    sent = Math.max(sent, due);
  }, TICK_MS);

  return {
    statuses,
    slowest,
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      agent.destroy();
      const seconds = (performance.now() - begunAt) / 1_000;
      return { perSecond: Object.values(statuses).reduce((sum, one) => sum + one, 0) / seconds };
    },
  };
}
