import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io';
import { vouchFor } from '../nest/credential/vouched-session.js';
import { Connection } from './connection.js';
import { LocalConnections } from './local-connections.js';
import { SessionWatch } from './session-watch.js';

/** What the watch does in a round, and a little more. */
const ROUND = 12;

describe('SessionWatch', () => {
  it.each([1, 9, 10, 15, 100])('[row 60] looks at each of %i sessions again within ten slices', (sessions) => {
    const connections = new LocalConnections();
    const lookedAt = new Map<string, number>();
    let longest = 0;
    let now = 0;
    let slice: () => void = () => undefined;
    const watch = new SessionWatch({
      connections,
      known: { isHeldFor: () => true },
      checker: {
        verifyVouched: ({ sessionId }) => {
          longest = Math.max(longest, now - (lookedAt.get(sessionId) ?? 0));
          lookedAt.set(sessionId, now);
          return { session: {} as never };
        },
      },
      clock: { now: () => 0 },
      maxStalenessMs: 5_000,
      schedule: (task) => {
        slice = task;
        return () => undefined;
      },
      onRefused: () => undefined,
    });
    for (let n = 0; n < sessions; n += 1) {
      const connection = new Connection({ id: String(n) } as unknown as Socket, null, 0);
      connections.add(connection);
      connections.bind(connection, vouchFor({ sessionId: String(n), userId: 'ann' }));
    }
    watch.start();
    for (now = 1; now <= 50; now += 1) slice();
    expect(lookedAt.size).toBe(sessions);
    expect(longest).toBeLessThanOrEqual(10);
  });

  it('[row 60] looks at every session in each round, however many come and go meanwhile', () => {
    const connections = new LocalConnections();
    const looked: string[] = [];
    let slice: () => void = () => undefined;
    const watch = new SessionWatch({
      connections,
      known: { isHeldFor: () => true },
      checker: {
        verifyVouched: ({ sessionId }) => {
          looked.push(sessionId);
          return { session: {} as never };
        },
      },
      clock: { now: () => 0 },
      maxStalenessMs: 5_000,
      schedule: (task) => {
        slice = task;
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
    for (let n = 0; n < 5; n += 1) connect(`stays-${n}`);
    let restless = connect('restless');
    watch.start();
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
