// Requests at a steady rate, whether or not earlier ones were answered.
import { Agent, request } from 'node:http';

const TICK_MS = 10;

/**
 * Sends until `stop`, which gives the latencies in milliseconds, how often each status came, and how many requests were
 * sent again because the idle connection that they went out on was closed. `keepAlive` says whether they share connections
 * or open one each, as a health check does.
 */
export function steadyRequests({ port, path, token, perSecond, keepAlive }) {
  const agent = new Agent(keepAlive ? { keepAlive, maxSockets: 8 } : {});
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const seen = { ms: [], statuses: {}, again: 0 };
  const open = new Set();
  const begunAt = performance.now();
  let sent = 0;

  const send = () =>
    new Promise((resolve) => {
      const sentAt = performance.now();
      let isAgain = false;
      const note = (status) => {
        seen.statuses[status] = (seen.statuses[status] ?? 0) + 1;
        seen.ms.push(performance.now() - sentAt);
        resolve();
      };
      const ask = () => {
        const outgoing = request({ agent, host: '127.0.0.1', port, path, headers }, (answer) => {
          answer.resume();
          answer.on('close', () => note(answer.statusCode));
        });
        outgoing.on('error', (error) => {
          // The server may close an idle connection in the moment in which a request goes out on it. Browsers ask again.
          if (error.code !== 'ECONNRESET' || !outgoing.reusedSocket || isAgain) return note(error.code);
          isAgain = true;
          seen.again += 1;
          ask();
        });
        outgoing.end();
      };
      ask();
    });

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begunAt) / 1_000) * perSecond);
    for (; sent < due; sent += 1) {
      const sending = send();
      open.add(sending);
      void sending.finally(() => open.delete(sending));
    }
  }, TICK_MS);

  return async function stop() {
    clearInterval(timer);
    await Promise.all(open);
    agent.destroy();
    return seen;
  };
}
