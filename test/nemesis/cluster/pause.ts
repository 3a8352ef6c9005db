import { setTimeout as delay } from 'node:timers/promises';
import { runNow } from '../clock.js';

/** Waits; a nemesis holds its faults for a time, and clients think. */
export async function pause(ms: number): Promise<void> {
  await delay(Math.max(0, ms));
}

/** Asks again until `isDone`, at most for so long; whether it came to that. */
export async function eventually(isDone: () => Promise<boolean>, withinMs: number, everyMs = 50): Promise<boolean> {
  const deadline = runNow() + withinMs;
  while (!(await isDone())) {
    if (runNow() > deadline) return false;
    await delay(everyMs);
  }
  return true;
}
