import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io';
import { vouchFor } from '../nest/credential/vouched-session.js';
import { Connection } from './connection.js';
import { LocalConnections } from './local-connections.js';
import { SessionWatch } from './session-watch.js';

/** What the watch does in a round, and a little more. */
const ROUND = 12;

/** A watch that finds every session live, whose slices come when they are asked for. */
function trialOf(look: (sessionId: string) => void) {
  const connections = new LocalConnections();
  let next: () => void = () => undefined;
  const watch = new SessionWatch({
    connections,
    known: { isHeldFor: () => true },
    checker: {
      verifyVouched: ({ sessionId }) => {
        look(sessionId);
        return { session: {} as never };
      },
    },
    clock: { now: () => 0 },
    maxStalenessMs: 5_000,
    schedule: (task) => {
      next = task;
      return () => undefined;
    },
    onRefused: () => undefined,
  });
  const connect = (sessionId: string): Connection => {
    const connection = new Connection({ id: sessionId } as unknown as Socket, null, 0);
    connections.add(connection);
    connections.bind(connection, vouchFor({ sessionId, userId: 'ann' }));
    return connection;
  };
  return {
    connections,
    connect,
    start: () => {
      watch.start();
    },
    slice: () => {
      next();
    },
  };
}

describe('SessionWatch', () => {
  it.each([1, 9, 10, 15, 100])('[row 60] looks at each of %i sessions again within ten slices', (sessions) => {
    const lookedAt = new Map<string, number>();
    let longest = 0;
    let now = 0;
    const { connect, start, slice } = trialOf((sessionId) => {
      longest = Math.max(longest, now - (lookedAt.get(sessionId) ?? 0));
      lookedAt.set(sessionId, now);
    });
    for (let n = 0; n < sessions; n += 1) connect(String(n));
    start();
    for (now = 1; now <= 50; now += 1) slice();
    expect(lookedAt.size).toBe(sessions);
    expect(longest).toBeLessThanOrEqual(10);
  });

  it('[row 60] looks at every session in each round, however many come and go meanwhile', () => {
    const looked: string[] = [];
    const { connections, connect, start, slice } = trialOf((sessionId) => looked.push(sessionId));
    for (let n = 0; n < 5; n += 1) connect(`stays-${n}`);
    let restless = connect('restless');
    start();
    for (let round = 0; round < 3; round += 1) {
      looked.length = 0;
      for (let n = 0; n < ROUND; n += 1) {
        connections.remove(restless);
        restless = connect('restless');
        slice();
      }
      for (let n = 0; n < 5; n += 1) expect(looked).toContain(`stays-${n}`);
    }
  });
});
