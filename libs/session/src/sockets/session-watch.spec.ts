import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io';
import { vouchFor } from '../nest/credential/vouched-session.js';
import { Connection } from './connection.js';
import { LocalConnections } from './local-connections.js';
import { SessionWatch } from './session-watch.js';

/** What the watch does in a round, and a little more. */
const ROUND = 12;

describe('SessionWatch', () => {
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
