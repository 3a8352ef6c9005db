import { type ProcessClocks, SessionHealth } from 'nestjs-identity-session';
import { LogFollower } from '../../../libs/session/src/nest/module/log-follower.js';
import { KnownSessions } from '../../../libs/session/src/sync/known-sessions.js';
import { TouchBuffer } from '../../../libs/session/src/sync/touch-buffer.js';
import type { TestApp } from '../../support/app.js';
import { sql } from './rows.js';

/** Has the node write every access that it has buffered. */
export async function flushTouches(node: TestApp): Promise<void> {
  await node.app.get(TouchBuffer, { strict: false }).flushAll();
}

/** The node knows no session any more, like one that has just started. */
export function forget(node: TestApp): void {
  node.app.get(KnownSessions, { strict: false }).restart();
}

/**
 * Lets `ms` pass for sessions: all their times move into the past, for the database as for the node, which has them
 * from nowhere else afterwards. Buffered accesses are written before, since they would not move.
 */
export async function letTimePass(node: TestApp, ms: number): Promise<void> {
  await flushTouches(node);
  const columns = ['created_at', 'authenticated_at', 'last_accessed_at', 'expires_at', 'due_at', 'ended_at'];
  columns.push('rotated_at', 'previous_authenticated_at');
  const shifted = columns.map((column) => `${column} = ${column} - $1::float8 * interval '1 millisecond'`);
  await sql(node, `UPDATE identity_session SET ${shifted.join(', ')}`, [ms]);
  forget(node);
}

/** The clocks of a process that can be moved ahead; they run on by themselves too. */
export class MovableClocks implements ProcessClocks {
  #ahead = 0;

  monotonic(): number {
    return performance.now() + this.#ahead;
  }

  wall(): number {
    return Date.now() + this.#ahead;
  }

  advance(ms: number): void {
    this.#ahead += ms;
  }
}

/** Resolves once the node follows the change log; what it knew before then it forgets. */
export async function followsLog(node: TestApp): Promise<void> {
  await eventually(async () => (await node.app.get(SessionHealth).check()).status === 'ok');
}

/** Resolves once the node has read the change log anew: what was wrong with its connection is behind it. */
export async function readsOn(node: TestApp): Promise<void> {
  const log = node.app.get(LogFollower, { strict: false });
  const since = log.figures()?.reads ?? 0;
  // The first may have begun before.
  await eventually(() => (log.figures()?.reads ?? Number.POSITIVE_INFINITY) >= since + 2);
}

/** For a node that hears of others' changes only when it asks: its own lease is all that it has. */
export const DEAF = { tailIntervalMs: 3_600_000 } as const;
/** For a node that tells nobody of its changes. */
export const MUTE = { hints: 'off' } as const;

/** Below the time limit of a test, so that the failure says what did not come. */
const EVENTUALLY_WITHIN_MS = 25_000;

/** Resolves once `condition` holds, and rejects with the condition where it never does. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + EVENTUALLY_WITHIN_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`It never came to this: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
