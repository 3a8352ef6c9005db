import { describe, expect, it } from '@jest/globals';
import { IdentitySessionError } from '../../core/errors.js';
import { levelRefusals } from './level-refusals.js';
import type { SessionVerdict } from './session-verdict.js';

const LEAST_MS = 60;

const refusal = (code: 'SESSION_INVALID' | 'SESSION_REVOKED'): SessionVerdict => ({
  error: new IdentitySessionError(code, 'x'),
});

async function timeOf(asked: Promise<SessionVerdict>): Promise<number> {
  const begunAt = performance.now();
  const verdict = await levelRefusals(asked, LEAST_MS);
  expect(verdict).toBe(await asked);
  return performance.now() - begunAt;
}

describe('a refusal for which the database was asked', () => {
  it('takes no less time than it may, however fast it is known', async () => {
    // Timers count in whole milliseconds.
    expect(await timeOf(Promise.resolve(refusal('SESSION_INVALID')))).toBeGreaterThanOrEqual(LEAST_MS - 1);
  });

  it('counts from its beginning: what takes longer is not made longer still', async () => {
    const slow = new Promise<SessionVerdict>((resolve) => {
      setTimeout(resolve, 2 * LEAST_MS, refusal('SESSION_INVALID'));
    });
    let order = '';
    const levelled = levelRefusals(slow, LEAST_MS).then(() => (order += 'levelled '));
    await slow;
    const next = new Promise((resolve) => setTimeout(resolve, LEAST_MS)).then(() => (order += 'timer '));
    await Promise.all([levelled, next]);
    expect(order).toBe('levelled timer ');
  });

  it('is given at once where it is told to whoever has the secret', async () => {
    let isOver = false;
    const levelled = levelRefusals(Promise.resolve(refusal('SESSION_REVOKED')), 3_600_000).then(() => (isOver = true));
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    expect(isOver).toBe(true);
    await levelled;
  });
});
