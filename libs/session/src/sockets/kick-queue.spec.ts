import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io';
import { schedule } from '../nest/module/schedule.js';
import { KickQueue, type SessionRevoked } from './kick-queue.js';

const TOLD: SessionRevoked = {
  sessionId: 's',
  code: 'SESSION_REVOKED',
  reason: 'bulk',
  at: '2026-01-01T00:00:00.000Z',
};

/** What the queue asks of a socket whose connection closes at once. */
function socketThatNotes(index: number, closed: number[]): Socket {
  const conn = { readyState: 'open', close: () => (conn.readyState = 'closed') };
  const disconnect = (): void => void closed.push(index);
  return { emit: () => true, disconnect, client: { sockets: new Map() }, conn } as unknown as Socket;
}

describe('the queue of connections to be closed', () => {
  it('closes the first of many at once, and lets others have their turn between slices', async () => {
    const closed: number[] = [];
    const queue = new KickQueue(schedule);
    for (let index = 0; index < 60; index += 1) queue.kick(socketThatNotes(index, closed), TOLD);
    expect(closed).toHaveLength(25);
    expect(queue.size).toBe(35);
    await nextTurn();
    expect(closed).toHaveLength(50);
    await nextTurn();
    expect(closed).toEqual(Array.from({ length: 60 }, (_, index) => index));
    expect(queue.size).toBe(0);
  });

  it('closes one that comes later at once again', async () => {
    const closed: number[] = [];
    const queue = new KickQueue(schedule);
    queue.kick(socketThatNotes(1, closed), TOLD);
    await nextTurn();
    queue.kick(socketThatNotes(2, closed), TOLD);
    expect(closed).toEqual([1, 2]);
  });
});
