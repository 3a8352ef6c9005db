import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io';
import { IdentitySessionError } from '../core/errors.js';
import { vouchFor } from '../nest/credential/vouched-session.js';
import { PLAIN_IDS } from '../nest/session/session-ids.js';
import { Connection } from './connection.js';
import { ConnectionCloser } from './connection-closer.js';
import { KickQueue } from './kick-queue.js';
import { LocalConnections } from './local-connections.js';

/** A socket whose client takes its time to go. */
function lingering(id: string): Socket {
  const conn = { readyState: 'open', close: () => (conn.readyState = 'closing'), once: () => conn };
  return { id, conn } as unknown as Socket;
}

describe('what closes connections', () => {
  it('counts one whose session cannot be confirmed once, however often that is found while it goes', () => {
    const connections = new LocalConnections();
    const closer = new ConnectionCloser({
      connections,
      kicks: new KickQueue(() => () => undefined),
      known: { trusted: () => undefined },
      clock: { now: () => 0 },
      ids: PLAIN_IDS,
      options: { onSignOut: 'disconnect', whenUnverifiable: 'disconnect' },
      look: () => undefined,
    });
    const credential = vouchFor({ sessionId: 's', userId: 'ann' });
    for (const id of ['one', 'two']) {
      const connection = new Connection(lingering(id), null, 0);
      connections.add(connection);
      connections.bind(connection, credential);
    }
    const away = new IdentitySessionError('SESSION_STORE_UNAVAILABLE', 'away');
    for (let round = 0; round < 3; round += 1) closer.refused(credential, away);
    expect(closer.counts.unverified).toBe(2);
  });
});
