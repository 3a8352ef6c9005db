import { describe, expect, it } from '@jest/globals';
import { CachedSession } from '../cache/cached-session.js';
import type { Touch, TouchOutcome } from '../store/session-store.js';
import { FixedClock } from '../testing/fixed-clock.js';
import { sessionRecordOf } from '../testing/record-builder.js';
import { TouchBuffer } from './touch-buffer.js';
import { cpuTimeOf } from '../../../../test/support/cpu-time.js';

const START = 1_000_000;

/** A buffer on a simulated timer; `pass` lets time go by and runs what is due. */
class Trial {
  readonly clock = new FixedClock(START);
  readonly writes: (readonly Touch[])[] = [];
  readonly failures: unknown[] = [];
  answer: (touches: readonly Touch[]) => Promise<TouchOutcome> = () => Promise.resolve({ skipped: [] });
  #wake: { at: number; task: () => void } | undefined;

  readonly buffer: TouchBuffer;

  constructor(mostBuffered = Number.POSITIVE_INFINITY) {
    this.buffer = new TouchBuffer(
      { syncIntervalMs: 10_000, idleMarginMs: 5_000, mostBuffered },
      {
        clock: this.clock,
        touchMany: (touches) => {
          this.writes.push(touches);
          return this.answer(touches);
        },
        schedule: (task, delayMs) => {
          const wake = { at: this.clock.now() + delayMs, task };
          this.#wake = wake;
          return () => {
            if (this.#wake === wake) this.#wake = undefined;
          };
        },
        onFailure: (error) => this.failures.push(error),
      },
    );
  }

  session(id: string, idleTimeoutMs = 3_600_000): CachedSession {
    return new CachedSession(sessionRecordOf({ id, idleTimeoutMs, lastAccessedAt: START }), 0, 0);
  }

  touch(session: CachedSession): void {
    this.buffer.touch(session, this.clock.now(), null);
  }

  async pass(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    while (this.#wake !== undefined && this.#wake.at <= until) {
      const { at, task } = this.#wake;
      this.#wake = undefined;
      this.clock.set(Math.max(at, this.clock.now()));
      task();
      await settled();
    }
    this.clock.set(until);
  }
}

/** Lets the promises of a flush run to their end. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

describe('the touch buffer', () => {
  it('[row 21] writes a session once in a sync interval, with its newest access', async () => {
    const trial = new Trial();
    const session = trial.session('a');
    for (let second = 0; second < 9; second += 1) {
      trial.touch(session);
      await trial.pass(1_000);
    }
    expect(trial.writes).toEqual([]);
    await trial.pass(1_500);
    expect(trial.writes).toEqual([[{ id: 'a', at: START + 8_000, ip: null }]]);
    expect(trial.buffer.size).toBe(0);
  });

  it('writes before the session would seem idle to those who only know the database', async () => {
    const trial = new Trial();
    const session = trial.session('a', 8_000);
    trial.touch(session);
    await trial.pass(3_300);
    expect(trial.writes).toHaveLength(1);
  });

  it('writes at once what is touched when its idle limit is close', async () => {
    const trial = new Trial();
    const session = trial.session('a', 8_000);
    await trial.pass(7_500);
    trial.touch(session);
    await trial.pass(1);
    expect(trial.writes).toEqual([[{ id: 'a', at: START + 7_500, ip: null }]]);
  });

  it('[row 21] never goes back', () => {
    const trial = new Trial();
    const session = trial.session('a');
    trial.buffer.touch(session, START + 50, null);
    trial.buffer.touch(session, START + 20, null);
    expect(session.lastAccessedAt).toBe(START + 50);
  });

  it('keeps what somebody else had locked, and tries again', async () => {
    const trial = new Trial();
    trial.answer = () => Promise.resolve({ skipped: ['a'] });
    trial.touch(trial.session('a'));
    trial.touch(trial.session('b'));
    await trial.pass(10_100);
    expect(trial.buffer.size).toBe(1);
    trial.answer = () => Promise.resolve({ skipped: [] });
    await trial.pass(1_000);
    expect(trial.writes.at(-1)).toEqual([{ id: 'a', at: START, ip: null }]);
    expect(trial.buffer.size).toBe(0);
  });

  it('keeps everything while the database is away, and the newest times once it is back', async () => {
    const trial = new Trial();
    trial.answer = () => Promise.reject(new Error('away'));
    const session = trial.session('a');
    trial.touch(session);
    await trial.pass(30_000);
    expect(trial.failures).toHaveLength(1);
    // Seldom enough that a database on its way back is left in peace.
    expect(trial.writes.length).toBeGreaterThan(4);
    expect(trial.writes.length).toBeLessThan(12);
    trial.touch(session);
    trial.answer = () => Promise.resolve({ skipped: [] });
    await trial.pass(5_000);
    expect(trial.writes.at(-1)).toEqual([{ id: 'a', at: START + 30_000, ip: null }]);
    expect(trial.buffer.size).toBe(0);
  });

  it('does not lose an access that comes while its session is being written', async () => {
    const trial = new Trial();
    const session = trial.session('a');
    let finish: (outcome: TouchOutcome) => void = () => undefined;
    trial.answer = () => new Promise((resolve) => (finish = resolve));
    trial.touch(session);
    await trial.pass(10_000);
    trial.clock.advance(10);
    trial.touch(session);
    finish({ skipped: [] });
    await settled();
    trial.answer = () => Promise.resolve({ skipped: [] });
    await trial.buffer.flushAll();
    expect(trial.writes.map(([touch]) => touch?.at)).toEqual([START, START + 10_010]);
  });

  it('[row 20] counts the interval of an access that comes during a slow write from then, not from its end', async () => {
    const trial = new Trial();
    const session = trial.session('a');
    let finish: (outcome: TouchOutcome) => void = () => undefined;
    trial.answer = () => new Promise((resolve) => (finish = resolve));
    trial.touch(session);
    await trial.pass(10_010);
    trial.touch(session);
    await trial.pass(4_000);
    finish({ skipped: [] });
    await settled();
    await trial.pass(6_200);
    expect(trial.writes).toHaveLength(2);
  });

  it('carries accesses over to the entry that takes the place of another', async () => {
    const trial = new Trial();
    const old = trial.session('a');
    trial.clock.advance(500);
    trial.touch(old);
    const fresh = trial.session('a');
    trial.buffer.adopt(fresh);
    expect(fresh.lastAccessedAt).toBe(START + 500);
    trial.clock.advance(500);
    trial.touch(fresh);
    await trial.buffer.flushAll();
    expect(trial.writes).toEqual([[{ id: 'a', at: START + 1_000, ip: null }]]);
  });

  it('[row 19] forgets a session that has ended', async () => {
    const trial = new Trial();
    trial.touch(trial.session('a'));
    trial.buffer.drop('a');
    await trial.buffer.flushAll();
    expect(trial.writes).toEqual([]);
  });

  it('writes in batches of a thousand', async () => {
    const trial = new Trial();
    for (let n = 0; n < 2_500; n += 1) trial.touch(trial.session(`s${n}`));
    await trial.buffer.flushAll();
    expect(trial.writes.map((batch) => batch.length)).toEqual([1_000, 1_000, 500]);
  });

  describe('with a bound', () => {
    it('writes early rather than to wait with more sessions than the bound', async () => {
      const trial = new Trial(1_000);
      for (let n = 0; n < 5_000; n += 1) {
        trial.touch(trial.session(`s${n}`));
        if (n % 100 === 99) await trial.pass(100);
      }
      expect(trial.buffer.counts.lost).toBe(0);
      await trial.buffer.flushAll();
      expect(trial.writes.flat().map((touch) => touch.id)).toHaveLength(5_000);
    });

    it('does not grow past it while the database is away, and does not storm it', async () => {
      const trial = new Trial(100);
      trial.answer = () => Promise.reject(new Error('away'));
      for (let n = 0; n < 1_000; n += 1) {
        trial.touch(trial.session(`s${n}`));
        expect(trial.buffer.size).toBeLessThanOrEqual(100);
        await trial.pass(30);
      }
      expect(trial.buffer.counts.lost).toBe(900);
      expect(trial.writes.length).toBeLessThan(15);
    });

    it('costs a request no more past it than before', () => {
      const trial = new Trial(100_000);
      const record = sessionRecordOf({});
      const sessions = Array.from(
        { length: 300_000 },
        (_, n) => new CachedSession({ ...record, id: `s${n}`, lastAccessedAt: START }, 0, 0),
      );
      const took = cpuTimeOf(() => {
        for (const session of sessions) trial.touch(session);
      });
      // Well below a second on any machine; it was twenty where the oldest was looked for each time.
      expect(took).toBeLessThan(4_000);
      expect(trial.buffer.size).toBeLessThanOrEqual(100_000);
    });

    it('loses those that nobody uses: a session in use is buffered again with its newest access', async () => {
      const trial = new Trial(100);
      trial.answer = () => Promise.reject(new Error('away'));
      const inUse = Array.from({ length: 40 }, (_, n) => trial.session(`used${n}`));
      for (let n = 0; n < 1_000; n += 1) {
        trial.touch(trial.session(`passing${n}`));
        inUse.forEach((session) => {
          trial.touch(session);
        });
        await trial.pass(10);
      }
      trial.answer = () => Promise.resolve({ skipped: [] });
      const before = trial.writes.length;
      await trial.buffer.flushAll();
      const written = new Map(trial.writes.slice(before).flatMap((batch) => batch.map(({ id, at }) => [id, at])));
      for (const { record } of inUse) expect(written.get(record.id)).toBe(START + 9_990);
    });

    it('gives up waiting after the time that a shutdown has', async () => {
      const trial = new Trial();
      trial.answer = () => new Promise(() => undefined);
      trial.touch(trial.session('a'));
      const stopped = trial.buffer.stop(3_000);
      await trial.pass(3_000);
      await stopped;
      expect(trial.buffer.size).toBe(1);
    });
  });
});
