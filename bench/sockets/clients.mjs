// Many clients in a process of their own. They stay connected, and where told to come back at once.
import { answerWith } from '../guard/child.mjs';
import { now, RawClient } from './raw-client.mjs';

/** What a client that was refused, or not let in, waits before it tries again. */
const RETRY_MS = 100;

let target;
let comesBack = false;
/** By index: the connection, and since the last `note` when it was told, when it closed and when it was back. */
let clients = [];
let seen;

function note() {
  seen = { told: 0, closed: 0, lastClosedAt: 0, joined: 0, lastJoinedAt: 0, failures: {} };
}

function connect(client, joined) {
  client.isJoined = false;
  client.raw = new RawClient(
    { port: target.port, token: client.token },
    {
      joined() {
        client.isJoined = true;
        seen.joined += 1;
        seen.lastJoinedAt = now();
        joined?.();
      },
      event(name) {
        if (name === 'session:revoked') seen.told += 1;
      },
      closed(why) {
        lost(client, why, joined);
      },
    },
  );
}

function lost(client, why, joined) {
  if (client.isJoined) {
    client.isJoined = false;
    seen.closed += 1;
    seen.lastClosedAt = now();
    if (comesBack) setImmediate(() => connect(client));
  } else {
    seen.failures[why] = (seen.failures[why] ?? 0) + 1;
    if (comesBack || joined !== undefined) setTimeout(() => connect(client, joined), RETRY_MS);
  }
}

answerWith({
  /** Connects one client for each token, so many at once; answers when all are there. */
  async open({ port, tokens, atOnce }) {
    target = { port };
    note();
    const added = tokens.map((token) => ({ token }));
    clients.push(...added);
    let next = 0;
    const worker = async () => {
      while (next < added.length) {
        const client = added[next++];
        await new Promise((resolve) => connect(client, resolve));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return clients.filter(({ isJoined }) => isJoined).length;
  },

  /** From here on it is counted anew. */
  note({ comeBack = false }) {
    comesBack = comeBack;
    note();
  },

  state() {
    return { ...seen, open: clients.filter(({ isJoined }) => isJoined).length };
  },

  /** As a network does that goes away: no word, no leave. */
  drop() {
    for (const client of clients) {
      client.raw.destroy();
      lost(client, 'dropped');
    }
  },

  closeAll() {
    comesBack = false;
    for (const { raw } of clients) raw.destroy();
    clients = [];
  },
});
