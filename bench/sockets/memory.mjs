import { median } from '../guard/statistics.mjs';
import { seedSessions } from '../touch/seed.mjs';
import { withProcesses } from './cluster.mjs';
import { USER_AGENT } from './raw-client.mjs';

const AT_ONCE = 64;
/** What the first connections have compiled and cached is none of the others' cost. */
const FIRST = 300;
const SETTLED_MS = 1_500;
const HAS_SESSIONS = ['bound', 'sessions'];
/** On a busy machine the database may be silent for longer than a connection may live unconfirmed. */
const SOCKETS = { whenUnverifiable: 'keep' };

/** Bytes that a connection takes, in a process of its own: by its heap with what that has outside, and by what is resident. */
async function perSocket(processes, variant, given, tokens) {
  const node = await processes.node(variant, given);
  const clients = processes.clients();
  const [first, rest] = [tokens.slice(0, FIRST), tokens.slice(FIRST)];
  await clients.ask('open', { port: node.port, tokens: first, atOnce: AT_ONCE });
  await pause(SETTLED_MS);
  const before = await node.ask('memory');
  if (HAS_SESSIONS.includes(variant)) await node.ask('check', { tokens: rest });
  const known = await node.ask('memory');
  await clients.ask('open', { port: node.port, tokens: rest, atOnce: AT_ONCE });
  await pause(SETTLED_MS);
  const after = await node.ask('memory');
  if (after.connections !== tokens.length) throw new Error(`${after.connections} of ${tokens.length} are connected.`);
  await Promise.all([node.end(), clients.end()]);
  const each = (of, from, to) => (to[of] - from[of]) / rest.length;
  return {
    heap: each('heap', before, after),
    rss: each('rss', before, after),
    sessionHeap: each('heap', before, known),
    socketHeap: each('heap', known, after),
  };
}

/**
 * What a connection with a session takes above one of plain socket.io, and above one of Nest with a gateway: processes one
 * after the other, with the same clients. `sessionHeap` is the known session, which requests share; `socketHeap` the rest.
 */
export function memory({ databaseUrl, database }, { sockets, rounds, withNest }) {
  return withProcesses(async (processes) => {
    const tokens = await seedSessions(database, sockets, '', USER_AGENT);
    const measured = { plain: [], bound: [], ...(withNest && { nest: [], sessions: [] }) };
    for (let round = 0; round < rounds; round += 1) {
      for (const variant of round % 2 === 0 ? Object.keys(measured) : Object.keys(measured).toReversed()) {
        measured[variant].push(await perSocket(processes, variant, { databaseUrl, sockets: SOCKETS }, tokens));
      }
    }
    const bytes = {};
    for (const [variant, all] of Object.entries(measured)) {
      bytes[variant] = Object.fromEntries(
        Object.keys(all[0]).map((what) => [what, Math.round(median(all.map((one) => one[what])))]),
      );
    }
    const added = (variant, plain) => ({
      heap: bytes[variant].heap - bytes[plain].heap,
      heapWithoutSession: bytes[variant].socketHeap - bytes[plain].socketHeap,
      rss: bytes[variant].rss - bytes[plain].rss,
    });
    return {
      sockets,
      rounds,
      ...bytes,
      aboveSocketIo: added('bound', 'plain'),
      ...(withNest && { aboveNest: added('sessions', 'nest') }),
    };
  });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
