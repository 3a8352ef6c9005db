import { describe, expect, it } from '@jest/globals';
import { EventQueue } from './event-queue.js';
import type { SessionEvent, SessionEventListener } from './session-event.js';

const event = (version: number): SessionEvent => ({
  type: 'renamed',
  sessionId: 'a',
  userId: 'anna',
  tenantId: null,
  version,
  reason: null,
  actor: null,
  at: new Date(version),
});

const many = (count: number, from = 1): SessionEvent[] => Array.from({ length: count }, (_, n) => event(from + n));
const short = (given: SessionEvent): unknown => (given.type === 'resync' ? given.reason : given.version);

/** A queue whose turns come when they are asked for. */
function trialOf(listener: SessionEventListener) {
  const counts = { delivered: 0, overflows: 0, failures: 0 };
  const failures: unknown[] = [];
  let turns: (() => void)[] = [];
  const queue = new EventQueue(listener, {
    counts,
    yieldTurn: () => new Promise<void>((resolve) => turns.push(resolve)),
    onFailure: (error) => failures.push(error),
  });
  const turn = async (): Promise<void> => {
    for (const resolve of turns) resolve();
    turns = [];
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, counts, failures, turn };
}

describe('the queue of a listener', () => {
  it('gives events in order and in turns of its own, not in that of whoever adds them', async () => {
    const given: unknown[] = [];
    const { queue, turn } = trialOf((one) => given.push(short(one)));
    queue.add(many(2));
    queue.add(many(1, 3));
    await new Promise((resolve) => setImmediate(resolve));
    expect(given).toEqual([]);
    await turn();
    expect(given).toEqual([1, 2, 3]);
    queue.add(many(1, 4));
    await turn();
    await turn();
    expect(given).toEqual([1, 2, 3, 4]);
  });

  it('lets others run between the parts of a large number', async () => {
    const given: unknown[] = [];
    const { queue, turn } = trialOf((one) => given.push(short(one)));
    queue.add(many(1_200));
    await turn();
    expect(given).toHaveLength(500);
    await turn();
    await turn();
    expect(given).toEqual(many(1_200).map(short));
  });

  it('waits for what a listener promises before it gives the next', async () => {
    const given: unknown[] = [];
    const release: (() => void)[] = [];
    const { queue, turn } = trialOf(async (one) => {
      given.push(short(one));
      await new Promise<void>((resolve) => release.push(resolve));
    });
    queue.add(many(2));
    await turn();
    expect(given).toEqual([1]);
    release[0]!();
    await turn();
    expect(given).toEqual([1, 2]);
  });

  it('puts one resync in the place of what a listener is too far behind by, and goes on after it', async () => {
    const given: unknown[] = [];
    let release: () => void = () => undefined;
    const { queue, counts, turn } = trialOf(async (one) => {
      given.push(short(one));
      if (given.length === 1) await new Promise<void>((resolve) => (release = resolve));
    });
    queue.add(many(1));
    await turn();
    for (let n = 0; n < 21; n += 1) queue.add(many(500, 2));
    expect(queue.size).toBe(1);
    expect(counts.overflows).toBe(1);
    queue.add(many(1, 77));
    release();
    await turn();
    await turn();
    expect(given).toEqual([1, 'queue-overflow', 77]);
  });

  it('goes on after a listener that throws and one that rejects, and tells of each', async () => {
    const given: unknown[] = [];
    const { queue, counts, failures, turn } = trialOf((one) => {
      given.push(short(one));
      if (given.length === 1) throw new Error('thrown');
      if (given.length === 2) return Promise.reject(new Error('rejected'));
      return undefined;
    });
    queue.add(many(3));
    await turn();
    expect(given).toEqual([1, 2, 3]);
    expect(failures.map(String)).toEqual(['Error: thrown', 'Error: rejected']);
    expect(counts).toEqual({ delivered: 3, overflows: 0, failures: 2 });
  });

  it('gives nothing more once it is closed', async () => {
    const given: unknown[] = [];
    const { queue, turn } = trialOf((one) => given.push(short(one)));
    queue.add(many(2));
    queue.close();
    queue.add(many(2));
    await turn();
    expect(given).toEqual([]);
    expect(queue.size).toBe(0);
  });
});
