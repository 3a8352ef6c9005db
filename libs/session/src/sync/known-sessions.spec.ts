import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionCache } from '../cache/memory-session-cache.js';
import type { SessionRecord } from '../core/session.js';
import type { Snapshot } from '../store/session-store.js';
import { FixedClock } from '../testing/fixed-clock.js';
import { sessionRecordOf } from '../testing/record-builder.js';
import { KnownSessions } from './known-sessions.js';
import { RememberedVersions } from './remembered-versions.js';
import { SessionLoader } from './session-loader.js';
import { TouchBuffer } from './touch-buffer.js';
import { UnknownIds } from './unknown-ids.js';

const STALENESS_MS = 5_000;

const LOG_OPENED_AT = 5_000;

/** A node over a database that answers when it is told to. */
class Trial {
  monotonic = 100;
  wall = 1_000_000;
  logHoldsUntil = 0;
  readonly stored = new Map<string, SessionRecord>();
  readonly asked: (readonly string[])[] = [];
  readonly cache = new MemorySessionCache({ maxSessions: 100, maxBytes: 1_000_000 });
  #waiting: (() => void)[] = [];
  #deferred: (() => void)[] = [];

  readonly loader = new SessionLoader({
    clocks: { monotonic: () => this.monotonic, wall: () => this.wall },
    maxStalenessMs: STALENESS_MS,
    defer: (task) => this.#deferred.push(task),
    onAnswer: () => undefined,
    findMany: (ids) => {
      this.asked.push(ids);
      const records = ids.flatMap((id) => this.stored.get(id) ?? []);
      return new Promise<Snapshot>((resolve) =>
        this.#waiting.push(() => {
          resolve({ records, asOf: this.wall });
        }),
      );
    },
  });

  readonly touches = new TouchBuffer(
    { syncIntervalMs: 1_000, idleMarginMs: 0 },
    {
      clock: new FixedClock(),
      touchMany: () => Promise.resolve({ skipped: [] }),
      schedule: () => () => undefined,
      onFailure: () => undefined,
    },
  );

  readonly known = new KnownSessions({
    cache: this.cache,
    loader: this.loader,
    touches: this.touches,
    clocks: { monotonic: () => this.monotonic, wall: () => this.wall },
    maxStalenessMs: STALENESS_MS,
    versions: new RememberedVersions(60_000),
    unknown: new UnknownIds(1_000),
    log: { holds: (monotonic) => monotonic < this.logHoldsUntil, openedAt: LOG_OPENED_AT },
  });

  /** The tick ends: queued loads are sent, and the database reads for them what it has now. */
  send(): void {
    for (const task of this.#deferred.splice(0)) task();
  }

  /** The answers arrive. */
  async answer(): Promise<void> {
    for (const resolve of this.#waiting.splice(0)) resolve();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }

  async load(id: string): Promise<void> {
    const loading = this.known.load(id);
    this.send();
    await this.answer();
    await loading;
  }
}

let trial: Trial;
const active = sessionRecordOf({ id: 'a', version: 1 });
const revoked = sessionRecordOf({ id: 'a', version: 2, status: 'revoked' });

beforeEach(() => {
  trial = new Trial();
  trial.stored.set('a', active);
});

describe('what a node knows of sessions', () => {
  it('is trusted without a question while the lease holds, and not a moment longer', async () => {
    await trial.load('a');
    trial.wall += STALENESS_MS - 1;
    trial.monotonic += STALENESS_MS - 1;
    expect(trial.known.trusted('a')?.record).toBe(active);
    trial.monotonic += 1;
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('is vouched for by the log since its position was begun, whether memory has it or not, and else by its own load', async () => {
    const vouches = (liveAt: number): boolean => trial.known.vouchesFor('a', liveAt);
    expect(vouches(LOG_OPENED_AT)).toBe(false);
    trial.logHoldsUntil = trial.monotonic + 1;
    expect(vouches(LOG_OPENED_AT)).toBe(true);
    // Its end may be among what came before the position.
    expect(vouches(LOG_OPENED_AT - 1)).toBe(false);
    trial.logHoldsUntil = 0;
    await trial.load('a');
    expect(vouches(LOG_OPENED_AT - 1)).toBe(true);
    trial.wall += STALENESS_MS;
    trial.monotonic += STALENESS_MS;
    expect(vouches(LOG_OPENED_AT)).toBe(false);
  });

  it('is not trusted after a sleep in which the monotonic clock stood still', async () => {
    await trial.load('a');
    trial.wall += 30_000;
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('is not trusted after a short sleep, after which the time of this node is late', async () => {
    await trial.load('a');
    trial.monotonic += 100;
    trial.wall += 1_100;
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('is not trusted after the wall clock was set back, which would hide how long the machine sleeps', async () => {
    await trial.load('a');
    trial.monotonic += 100;
    trial.wall -= 60_000;
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('counts trust from when the load began, not from when it was answered', async () => {
    const loading = trial.known.load('a');
    trial.send();
    trial.monotonic += STALENESS_MS;
    await trial.answer();
    expect((await loading)?.record).toBe(active);
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('[row 24] keeps no fill that a change has overtaken', async () => {
    const loading = trial.known.load('a');
    trial.send();
    trial.known.apply([revoked], trial.known.moment());
    await trial.answer();
    await loading;
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('[row 24] answers nobody who came after a change with a load from before it', async () => {
    const early = trial.known.load('a');
    trial.send();
    trial.stored.set('a', revoked);
    trial.known.apply([revoked], trial.known.moment());
    trial.cache.clear();
    const late = trial.known.load('a');
    trial.send();
    await trial.answer();
    expect((await early)?.record.status).toBe('active');
    expect((await late)?.record.status).toBe('revoked');
  });

  it('[row 23] lets no late writer take the place of a newer record', async () => {
    await trial.load('a');
    trial.known.apply([revoked], trial.known.moment());
    trial.known.apply([active], trial.known.moment());
    expect(trial.known.trusted('a')?.record.status).not.toBe('active');
  });

  it('[row 23] forgets the buffered accesses of a session that ends', async () => {
    await trial.load('a');
    const entry = trial.known.trusted('a')!;
    trial.touches.touch(entry, 5, null);
    trial.known.apply([revoked], trial.known.moment());
    expect(trial.touches.size).toBe(0);
  });

  it('knows the record of an ended session, so that its token costs no further question', async () => {
    await trial.load('a');
    trial.known.apply([revoked], trial.known.moment());
    expect(trial.known.trusted('a')?.record.status).toBe('revoked');
    expect(trial.asked).toHaveLength(1);
  });
});

describe('the change log', () => {
  it("vouches for memory while its lease holds, whatever an entry's own says", async () => {
    await trial.load('a');
    trial.logHoldsUntil = 60_000;
    trial.monotonic = 59_999;
    expect(trial.known.trusted('a')?.record).toBe(active);
    trial.monotonic = 60_000;
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('[row 25] has what it tells of forgotten, and keeps what is as new', async () => {
    await trial.load('a');
    trial.known.applyLogged([{ type: 'created', sessionId: 'a', version: 1 }]);
    expect(trial.known.trusted('a')?.record).toBe(active);
    trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('[row 24] overtakes loads that are on their way', async () => {
    const loading = trial.known.load('a');
    trial.send();
    trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
    await trial.answer();
    await loading;
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it("[row 23] is not undone by this node's own earlier change, whose answer arrives late", () => {
    const since = trial.known.moment();
    trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 3 }]);
    trial.known.apply([sessionRecordOf({ id: 'a', version: 2 })], since);
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('forgets everything when it starts anew, loads on their way included', async () => {
    await trial.load('a');
    const loading = trial.known.load('b');
    trial.stored.set('b', sessionRecordOf({ id: 'b' }));
    trial.send();
    trial.known.restart();
    await trial.answer();
    await loading;
    expect([trial.known.trusted('a'), trial.known.trusted('b')]).toEqual([undefined, undefined]);
  });
});

describe('what was learnt in the middle of something', () => {
  it('[row 24] overtakes a load that a fresh one has taken the place of', async () => {
    const early = trial.known.load('a');
    trial.send();
    const fresh = trial.known.load('a', true);
    trial.send();
    trial.logHoldsUntil = Number.POSITIVE_INFINITY;
    trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
    await trial.answer();
    await Promise.all([early, fresh]);
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('[row 23] an answer from before the log was begun anew is not kept', () => {
    trial.logHoldsUntil = Number.POSITIVE_INFINITY;
    const since = trial.known.moment();
    trial.monotonic += 10;
    trial.known.restart();
    trial.known.apply([sessionRecordOf({ id: 'a', version: 2 })], since);
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('[row 23] is not undone by an answer that arrives when what was read since is forgotten', () => {
    trial.logHoldsUntil = Number.POSITIVE_INFINITY;
    const since = trial.known.moment();
    trial.monotonic += 1;
    trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 3 }]);
    // The process was stopped for minutes, and reads what has happened before it reads the answer.
    for (let n = 0; n < 3; n += 1) {
      trial.monotonic += 200_000;
      trial.known.applyLogged([{ type: 'revoked', sessionId: 'b', version: 2 }]);
    }
    trial.known.apply([sessionRecordOf({ id: 'a', version: 2 })], since);
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('[row 23] a revocation counts also where versions could not all be remembered', async () => {
    await trial.load('a');
    trial.known.applyLogged(
      Array.from({ length: 200_001 }, (_, n) => ({ type: 'revoked', sessionId: `s${n}`, version: 2 })),
    );
    expect(trial.known.trusted('a')?.record).toBe(active);
    trial.known.apply([revoked], trial.known.moment());
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('ended sessions that nobody asks for take no place of those in use', () => {
    trial.known.apply([revoked], trial.known.moment());
    expect(trial.cache.size).toBe(0);
  });
});

describe('loads', () => {
  it.each([
    ['have been under way for as long as memory is trusted', 'monotonic'],
    ['were under way while the machine slept', 'wall'],
  ] as const)('are joined by nobody once they %s', async (_why, clock) => {
    const early = trial.known.load('a');
    trial.send();
    trial[clock] += STALENESS_MS;
    const late = trial.known.load('a');
    trial.send();
    expect(trial.asked).toHaveLength(2);
    await trial.answer();
    await Promise.all([early, late]);
  });

  it('of one session are one, and those of one tick share a statement', async () => {
    const loads = [trial.known.load('a'), trial.known.load('a'), trial.known.load('b')];
    trial.send();
    await trial.answer();
    expect(trial.asked).toEqual([['a', 'b']]);
    expect((await Promise.all(loads)).map((entry) => entry?.record.id)).toEqual(['a', 'a', undefined]);
  });

  it('that must be fresh do not join one that has begun', async () => {
    const early = trial.known.load('a');
    trial.send();
    trial.stored.set('a', revoked);
    const fresh = trial.known.load('a', true);
    trial.send();
    await trial.answer();
    expect((await early)?.record.status).toBe('active');
    expect((await fresh)?.record.status).toBe('revoked');
  });

  it('are refused with 503 once too many wait', async () => {
    const waiting = Array.from({ length: 10_000 }, (_, n) => trial.known.load(`s${n}`));
    await expect(trial.known.load('one-more')).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
    while (trial.asked.flat().length < 10_000) {
      trial.send();
      await trial.answer();
    }
    await Promise.all(waiting);
  });

  it('run a few statements at once, however many sessions are asked for', () => {
    for (let n = 0; n < 5_000; n += 1) void trial.known.load(`s${n}`);
    trial.send();
    expect(trial.asked.map((ids) => ids.length)).toEqual([500, 500, 500, 500]);
  });
});

describe('an id that no session has', () => {
  it('is not asked for again while the log is followed, and not for longer than was said', async () => {
    trial.logHoldsUntil = Number.POSITIVE_INFINITY;
    for (const later of [0, 999, 1]) {
      trial.monotonic += later;
      await trial.load('none');
    }
    expect(trial.asked).toEqual([['none'], ['none']]);
  });

  it('is asked for each time while the lease is out, and where the answer must be fresh', async () => {
    await trial.load('none');
    await trial.load('none');
    trial.logHoldsUntil = Number.POSITIVE_INFINITY;
    const loading = trial.known.load('none', true);
    trial.send();
    await trial.answer();
    await loading;
    expect(trial.asked).toHaveLength(3);
  });

  it('is asked for once a session with it has begun', async () => {
    trial.logHoldsUntil = Number.POSITIVE_INFINITY;
    await trial.load('b');
    trial.known.applyLogged([{ type: 'created', sessionId: 'b', version: 1 }]);
    await trial.load('b');
    expect(trial.asked).toEqual([['b'], ['b']]);
  });
});

describe('a change that is applied between the answer of a load and its being kept', () => {
  it.each([1, 2, 3, 4, 5, 6])('[row 24] keeps it out of memory, however many steps lie between (%d)', async (steps) => {
    for (const change of [
      () => {
        trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
      },
      () => {
        trial.known.restart();
      },
    ]) {
      trial = new Trial();
      trial.stored.set('a', active);
      trial.logHoldsUntil = Number.POSITIVE_INFINITY;
      const loading = trial.known.load('a');
      trial.send();
      const answered = trial.answer();
      for (let turn = 0; turn < steps; turn += 1) await Promise.resolve();
      change();
      await answered;
      await loading;
      expect(trial.known.trusted('a')).toBeUndefined();
    }
  });
});

describe('sessions that are loaded before anybody asks', () => {
  it('are kept while they live, and those that have ended or are unknown are not', async () => {
    trial.stored.set('a', active);
    trial.stored.set('b', sessionRecordOf({ id: 'b', status: 'revoked' }));
    trial.logHoldsUntil = Number.POSITIVE_INFINITY;
    const warming = trial.known.warm(['a', 'b', 'none']);
    trial.send();
    await trial.answer();
    expect(await warming).toBe(1);
    expect(trial.asked).toEqual([['a', 'b', 'none']]);
    expect(trial.known.trusted('a')?.record).toEqual(active);
    expect(trial.known.trusted('b')).toBeUndefined();
  });

  it('[row 24] are not kept where a change was applied, or a position taken, meanwhile', async () => {
    for (const change of [
      () => {
        trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
      },
      () => {
        trial.known.restart();
      },
    ]) {
      trial = new Trial();
      trial.stored.set('a', active);
      trial.logHoldsUntil = Number.POSITIVE_INFINITY;
      const warming = trial.known.warm(['a']);
      trial.send();
      change();
      await trial.answer();
      expect(await warming).toBe(0);
      expect(trial.known.trusted('a')).toBeUndefined();
    }
  });
});
