import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionCache } from '../cache/memory-session-cache.js';
import type { SharedSession } from '../cache/shared-session-cache.js';
import type { SessionRecord } from '../core/session.js';
import { sessionRecordOf } from '../testing/record-builder.js';
import { KnownSessions } from './known-sessions.js';
import { NodeClock } from './node-clock.js';
import { RememberedVersions } from './remembered-versions.js';
import { SessionLoader } from './session-loader.js';
import { SharedLevel } from './shared-level.js';
import { TouchBuffer } from './touch-buffer.js';
import { UnknownIds } from './unknown-ids.js';

const LIFETIME_MS = 20_000;
const NOW = 1_000_000;

/** A node whose clocks, log and shared level are where the test puts them; the primary answers at once. */
class Trial {
  monotonic = NOW;
  logHolds = true;
  openedAt = NOW - 10_000;
  server = 'this';
  appliedAsOf = NOW - 1;
  /** Ids that the primary was asked for. */
  readonly asked: string[] = [];
  readonly stored = new Map<string, SessionRecord>();
  readonly sharedSessions = new Map<string, SharedSession>();
  readonly told: SharedSession[] = [];
  /** Runs between a question to the shared level and its answer. */
  meanwhile: () => void = () => undefined;

  readonly clocks = { monotonic: () => this.monotonic, wall: () => this.monotonic };
  readonly clock = new NodeClock(this.clocks);
  readonly memory = new MemorySessionCache({ maxSessions: 100, maxBytes: 1_000_000 });
  readonly versions = new RememberedVersions(2 * LIFETIME_MS);
  readonly shared = new SharedLevel({
    shared: {
      get: (id) => {
        const found = this.sharedSessions.get(id);
        return Promise.resolve().then(() => {
          this.meanwhile();
          return found;
        });
      },
      put: (session) => this.told.push(session),
    },
    memory: this.memory,
    versions: this.versions,
    log: this.#log(),
    clock: this.clock,
    clocks: this.clocks,
    lifetimeMs: LIFETIME_MS,
  });
  readonly touches = new TouchBuffer(
    { syncIntervalMs: 600_000, idleMarginMs: 0, keepAccessMs: 1_000 },
    {
      clock: this.clock,
      touchMany: () => Promise.resolve({ skipped: [] }),
      schedule: () => () => undefined,
      onFailure: () => undefined,
      share: (entry) => {
        this.shared.tellAccess(entry);
      },
    },
  );
  readonly known = new KnownSessions({
    cache: this.memory,
    loader: new SessionLoader({
      clocks: this.clocks,
      maxStalenessMs: 5_000,
      defer: (task) => {
        task();
      },
      onAnswer: () => undefined,
      findMany: (ids) => {
        this.asked.push(...ids);
        return Promise.resolve({ records: ids.flatMap((id) => this.stored.get(id) ?? []), asOf: this.monotonic });
      },
    }),
    touches: this.touches,
    clocks: this.clocks,
    maxStalenessMs: 5_000,
    versions: this.versions,
    unknown: new UnknownIds(1_000),
    log: { holds: () => this.logHolds, openedAt: 0 },
    shared: this.shared,
  });

  constructor() {
    this.clock.observe(NOW, NOW);
    this.stored.set('a', revoked);
  }

  share(given: Partial<SharedSession> = {}): void {
    const asOf = this.monotonic - 100;
    const told = { record: active, asOf, lastAccessedAt: active.lastAccessedAt, lastIp: null };
    const shared = { ...told, server: this.server, ...given };
    this.sharedSessions.set('a', shared);
  }

  #log() {
    const holds = () => this.logHolds;
    const openedAt = () => this.openedAt;
    const server = () => this.server;
    const appliedAsOf = () => this.appliedAsOf;
    return {
      holds,
      get openedAt() {
        return openedAt();
      },
      get server() {
        return server();
      },
      get appliedAsOf() {
        return appliedAsOf();
      },
    };
  }
}

let trial: Trial;
const times = { createdAt: NOW - 50_000, lastAccessedAt: NOW - 40_000, expiresAt: NOW + 1_000_000 };
const active = sessionRecordOf({ id: 'a', version: 1, ...times });
const revoked = sessionRecordOf({ id: 'a', version: 2, status: 'revoked', ...times });

beforeEach(() => {
  trial = new Trial();
});

describe('a session from the shared level', () => {
  it('is used without asking the primary, and known from then on', async () => {
    trial.share();
    expect((await trial.known.load('a'))?.record).toBe(active);
    expect(trial.known.trusted('a')?.record).toBe(active);
    expect(trial.asked).toEqual([]);
  });

  it('is trusted by the lease of the log alone', async () => {
    trial.share();
    await trial.known.load('a');
    trial.logHolds = false;
    expect(trial.known.trusted('a')).toBeUndefined();
  });

  it('has the accesses of other nodes, which do not count as written', async () => {
    trial.share({ lastAccessedAt: NOW - 500, lastIp: '10.0.0.9' });
    const entry = await trial.known.load('a');
    expect(entry).toMatchObject({ lastAccessedAt: NOW - 500, lastIp: '10.0.0.9' });
    expect(entry?.storedAccessAt).toBe(active.lastAccessedAt);
  });

  it.each<[string, Partial<SharedSession>]>([
    ['is of before this node’s position in the log', { asOf: NOW - 10_001 }],
    ['is of longer ago than versions are remembered for', { asOf: NOW - LIFETIME_MS - 1 }],
    ['claims to be of the future', { asOf: NOW + 1_001 }],
    ['has no time', { asOf: Number.NaN }],
    ['was told by the clock of a server that this one has taken over from', { server: 'earlier' }],
    ['belongs to another session', { record: sessionRecordOf({ id: 'b', ...times }) }],
  ])('[row 23] is not used where it %s', async (_why, given) => {
    if (given.asOf === NOW - LIFETIME_MS - 1) trial.openedAt = 0;
    trial.share(given);
    expect((await trial.known.load('a'))?.record).toBe(revoked);
  });

  it('[row 23] is not used where a newer version was read of the log', async () => {
    trial.share();
    trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
    expect((await trial.known.load('a'))?.record).toBe(revoked);
  });

  it('[row 24] is not used where the change is read between question and answer', async () => {
    trial.share();
    trial.meanwhile = () => {
      trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
    };
    expect((await trial.known.load('a'))?.record).toBe(revoked);
    expect(trial.known.trusted('a')?.record).toBe(revoked);
  });

  it('[row 23] is not used after this node has changed the session in a transaction of the caller', async () => {
    trial.share();
    trial.known.forget([revoked]);
    expect((await trial.known.load('a'))?.record).toBe(revoked);
  });

  it('is not asked for where the lease is out, nor for a fresh load', async () => {
    trial.share();
    await trial.known.load('a', true);
    trial.known.restart();
    trial.logHolds = false;
    await trial.known.load('a');
    expect(trial.asked).toEqual(['a', 'a']);
  });

  it('is not used where the lease runs out while it is on its way', async () => {
    trial.share();
    trial.meanwhile = () => {
      trial.logHolds = false;
    };
    expect((await trial.known.load('a'))?.record).toBe(revoked);
  });
});

describe('what the others are told', () => {
  it('is what the primary has, as of when it was asked', async () => {
    trial.stored.set('a', active);
    await trial.known.load('a');
    expect(trial.told).toEqual([expect.objectContaining({ record: active, asOf: NOW, server: 'this' })]);
  });

  it('is a change of this node’s own, as of no later than when it began', () => {
    trial.known.apply([revoked], trial.known.moment());
    expect(trial.told).toEqual([expect.objectContaining({ record: revoked })]);
    expect(trial.told[0]?.asOf).toBeLessThanOrEqual(NOW);
  });

  it('is nothing that a change has overtaken', async () => {
    trial.stored.set('a', active);
    const loading = trial.known.load('a', true);
    trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
    await loading;
    expect(trial.told).toEqual([]);
  });

  it('are accesses, at most every keepAccessMs, as of what has been applied of the log', async () => {
    trial.stored.set('a', active);
    const entry = await trial.known.load('a');
    trial.told.length = 0;
    for (const at of [NOW, NOW + 999, NOW + 1_000]) trial.touches.touch(entry!, at, '10.0.0.1');
    expect(trial.told.map(({ lastAccessedAt }) => lastAccessedAt)).toEqual([NOW, NOW + 1_000]);
    expect(trial.told[0]).toMatchObject({ asOf: trial.appliedAsOf, lastIp: '10.0.0.1' });
    expect(trial.told[0]?.record.lastAccessedAt).toBe(active.lastAccessedAt);
  });

  it('[row 23] is no access of an entry that is no longer the one in memory', async () => {
    trial.stored.set('a', active);
    const entry = await trial.known.load('a');
    trial.told.length = 0;
    trial.known.applyLogged([{ type: 'revoked', sessionId: 'a', version: 2 }]);
    trial.touches.touch(entry!, NOW + 5_000, null);
    expect(trial.told).toEqual([]);
  });
});
