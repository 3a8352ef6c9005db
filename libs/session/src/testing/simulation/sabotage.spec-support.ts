import type { CachedSession } from '../../cache/cached-session.js';
import { MemorySessionCache } from '../../cache/memory-session-cache.js';
import type { SharedSession } from '../../cache/shared-session-cache.js';
import type { Clock } from '../../core/clock.js';
import type { StoredCutOff } from '../../core/cut-off.js';
import type { TokenStanding } from '../../core/token-standing.js';
import type { TokenRotation } from '../../nest/check/token-rotation.js';
import { SessionWriter } from '../../nest/sign-in/session-writer.js';
import type { SessionStore } from '../../store/session-store.js';
import type { ChangeLogConnection, LogRead } from '../../sync/change-log.js';
import type { HintPublisher } from '../../sync/hints.js';
import { KnownSessions, type KnownSessionsPorts } from '../../sync/known-sessions.js';
import { RememberedVersions } from '../../sync/remembered-versions.js';
import { type LoadedSession, SessionLoader, type SessionLoaderPorts } from '../../sync/session-loader.js';
import { SharedLevel, type SharedLevelPorts } from '../../sync/shared-level.js';
import { TouchBuffer, type TouchBufferOptions, type TouchBufferPorts } from '../../sync/touch-buffer.js';
import { DATA_SABOTAGES } from './data-sabotage.spec-support.js';
import { JOB_SABOTAGES } from './job-sabotage.spec-support.js';
import { type Sabotage, withoutRows, writerWith } from './sabotage-parts.spec-support.js';
import { HARMS, type SimulatedAction } from './simulated-schedule.js';
import { QuietTokenRotation } from './simulation-options.js';
import { parseSnapshot } from './transaction-ids.js';

class NeverOvertaken extends SessionLoader {
  override async load(id: string, fresh?: boolean): Promise<LoadedSession> {
    return { ...(await super.load(id, fresh)), overtaken: false };
  }
}

class TrustFromLanding extends SessionLoader {
  readonly #clocks: SessionLoaderPorts['clocks'];

  constructor(ports: SessionLoaderPorts) {
    super(ports);
    this.#clocks = ports.clocks;
  }

  override async load(id: string, fresh?: boolean): Promise<LoadedSession> {
    const loaded = await super.load(id, fresh);
    return { ...loaded, begunAt: this.#clocks.monotonic(), begunAtWall: this.#clocks.wall() };
  }
}

class Overwriting extends MemorySessionCache {
  override put(entry: CachedSession): CachedSession {
    this.delete(entry.record.id);
    return super.put(entry);
  }
}

/** Late fills are told by what was applied meanwhile, and by what is remembered: here by neither. */
class AcceptingLateFills extends RememberedVersions {
  override isOlder(): boolean {
    return false;
  }

  override isOutdated(id: string, version: number, at: number): boolean {
    return super.isOlder(id, version) || super.isOutdated(id, version, at);
  }
}

class Forgetful extends RememberedVersions {
  override note(): void {
    // Forgets at once.
  }
}

/** Answers from memory where the primary has to be asked: for a secret that does not match, or for an idle limit. */
class AnsweringFromMemory extends KnownSessions {
  constructor(
    private readonly own: KnownSessionsPorts,
    private readonly when: (isIdle: boolean) => boolean,
  ) {
    super(own);
  }

  override load(id: string, fresh?: boolean): Promise<CachedSession | undefined> {
    const entry = fresh === true ? this.own.cache.get(id) : undefined;
    if (entry === undefined || !this.when(this.#isIdle(entry))) return super.load(id, fresh);
    return Promise.resolve(entry);
  }

  /** By the time that the node's touches are noted with. */
  #isIdle(entry: CachedSession): boolean {
    const { ports } = this.own.touches as unknown as { readonly ports: TouchBufferPorts };
    return ports.clock.now() >= entry.lastAccessedAt + entry.record.idleTimeoutMs;
  }
}

class TrustingWhatIsFoundNow extends SharedLevel {
  readonly #clock: SharedLevelPorts['clock'];

  constructor(ports: SharedLevelPorts) {
    super(ports);
    this.#clock = ports.clock;
  }

  override accept(id: string, found: SharedSession | undefined): CachedSession | undefined {
    return super.accept(id, found && { ...found, asOf: this.#clock.now() });
  }
}

class WithoutIdleDeadline extends TouchBuffer {
  constructor(options: TouchBufferOptions, ports: TouchBufferPorts) {
    super({ ...options, idleMarginMs: Number.NEGATIVE_INFINITY }, ports);
  }
}

class NotJoining extends SessionLoader {
  override load(id: string): Promise<LoadedSession> {
    return super.load(id, false);
  }
}

/** Tells the others, and is told by the log, like them. */
class WaitingForTheLog extends SessionWriter {
  override async cutOff(...[, scope, note]: Parameters<SessionWriter['cutOff']>): Promise<StoredCutOff> {
    const { store, hints } = this as unknown as { readonly store: SessionStore; readonly hints: HintPublisher };
    const cutOff = await store.cutOff(scope, note);
    hints.publish();
    return cutOff;
  }
}

/** As if whoever comes back, or is complete at last, took the place that it had before. */
const ActivatingWithoutPolicy = writerWith((store) => ({
  activate: (activation, note) => store.activate({ ...activation, policy: [] }, note),
}));

/** Takes who waits for a second factor for one who needs none. */
class TakingPendingForActive extends SessionLoader {
  override async load(id: string, fresh?: boolean): Promise<LoadedSession> {
    const loaded = await super.load(id, fresh);
    const { record } = loaded;
    return record?.status === 'pending' ? { ...loaded, record: { ...record, status: 'active' } } : loaded;
  }
}

class WithoutGrace extends QuietTokenRotation {
  override standingOf(...presentation: Parameters<TokenRotation['standingOf']>): TokenStanding {
    const standing = super.standingOf(...presentation);
    return standing === 'previous' ? 'unknown' : standing;
  }
}

/** As if the token was presented when the database has answered. */
class CountingFromTheAnswer extends QuietTokenRotation {
  readonly #clock: Clock;

  constructor(...ports: ConstructorParameters<typeof TokenRotation>) {
    super(...ports);
    this.#clock = ports[3];
  }

  override standingOf(...[token, session]: Parameters<TokenRotation['standingOf']>): TokenStanding {
    return super.standingOf(token, session, this.#clock.now());
  }
}

class ForgivingReuse extends QuietTokenRotation {
  override endReused(): Promise<void> {
    return Promise.resolve();
  }
}

/** Each node makes a successor of its own. */
class MakingSuccessors extends QuietTokenRotation {
  override successorOf(...[token, session]: Parameters<TokenRotation['successorOf']>): string | undefined {
    return super
      .successorOf(token, session)
      ?.replace(/.{8}$/, () => Math.random().toString(36).slice(2, 10).padEnd(8, '0'));
  }
}

/** Reads what happened to sessions, and passes over cut-offs. */
function withoutCutOffs(connection: ChangeLogConnection): ChangeLogConnection {
  return {
    open: () => connection.open(),
    readSince: async (position) => {
      const read = await connection.readSince(position);
      return { ...read, changes: read.changes.filter(({ cutOff }) => cutOff === undefined) };
    },
    close: () => connection.close(),
  };
}

/** Reads on from the highest id that had ended, as if transactions ended in the order of their ids. */
function plainSequence(connection: ChangeLogConnection): ChangeLogConnection {
  const inOrder = <T extends LogRead>(read: T): T => {
    const { xmax } = parseSnapshot(read.position);
    return { ...read, position: `${xmax}:${xmax}:` };
  };
  return {
    open: async () => inOrder(await connection.open()),
    readSince: async (position) => inOrder(await connection.readSince(position)),
    close: () => connection.close(),
  };
}

/** As if the server had never been started anew. */
function hidingRestarts(connection: ChangeLogConnection): ChangeLogConnection {
  let latest = 0n;
  const hiding = <T extends LogRead>(read: T): T => {
    if (read.nextTransaction > latest) latest = read.nextTransaction;
    return { ...read, serverStartedAt: 'always', nextTransaction: latest };
  };
  return {
    open: async () => hiding(await connection.open()),
    readSince: async (position) => hiding(await connection.readSince(position)),
    close: () => connection.close(),
  };
}

const answeringFromMemory = (when: (isIdle: boolean) => boolean): typeof KnownSessions =>
  class extends AnsweringFromMemory {
    constructor(ports: KnownSessionsPorts) {
      super(ports, when);
    }
  };

const NO_HARM: Partial<Record<SimulatedAction, number>> = Object.fromEntries(HARMS.map((harm) => [harm, 0]));

/** Without what has nothing to do with it. */
const NEITHER_DATA_NOR_JOBS: Partial<Record<SimulatedAction, number>> = {
  'merge data': 0,
  'set data': 0,
  'set user data': 0,
  'start a job': 0,
  'cancel a job': 0,
  undo: 0,
  restore: 0,
};

/** Where few meet, they meet more often. */
const SMALL = { nodes: 2, users: 1 } as const;

/** Tokens that are rotated by hand alone, and nodes that trust what they know. */
const NEITHER = { scheduledRotation: false, strict: false } as const;

/** Each safeguard, switched off alone. */
export const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'discard of late fills': {
    parts: { SessionLoader: NeverOvertaken, RememberedVersions: AcceptingLateFills },
    weights: { 'slow store': 20, revoke: 20 },
  },
  'if-newer': {
    parts: { makeCache: () => new Overwriting({ maxSessions: 100, maxBytes: 1_000_000 }) },
    weights: {
      ...NO_HARM,
      ...{ 'slow store': 20, 'cut the log': 20, 'check strictly': 60, revoke: 15, 'sign in': 15, 'make a cut-off': 0 },
      ...{ suspend: 0, resume: 0, 'sign in pending': 0, complete: 0, ...NEITHER_DATA_NOR_JOBS },
    },
    options: { ...SMALL, ...NEITHER, sharedCache: false },
  },
  asOf: {
    parts: { SharedLevel: TrustingWhatIsFoundNow },
    weights: { crash: 8, 'cut the log': 10, revoke: 15, 'disturb the shared cache': 10 },
    options: { sharedCache: true },
  },
  'remembered versions': {
    parts: { RememberedVersions: Forgetful },
    weights: { revoke: 20, rotate: 30, 'slow store': 15 },
  },
  lease: {
    parts: {
      log: (log) => ({
        holds: () => true,
        get openedAt() {
          return log.openedAt;
        },
        get server() {
          return log.server;
        },
        get appliedAsOf() {
          return log.appliedAsOf;
        },
      }),
    },
  },
  'load-begin trust': {
    parts: { SessionLoader: TrustFromLanding },
    weights: {
      ...NO_HARM,
      ...NEITHER_DATA_NOR_JOBS,
      ...{ 'slow store': 20, 'cut the log': 20, revoke: 12, 'sign in': 12, 'make a cut-off': 0 },
      ...{ suspend: 0, resume: 0, 'sign in pending': 0, complete: 0 },
    },
    options: { ...SMALL, sharedCache: false, times: { maxStalenessMs: 2_000, storeDeadlineMs: 6_000 } },
  },
  'snapshot cursor': { parts: { connection: plainSequence } },
  'discontinuity: a server that was started anew': {
    parts: { connection: hidingRestarts },
    weights: {
      ...NO_HARM,
      'crash the database behind a pooler': 10,
      'abort transactions': 20,
      revoke: 20,
      'sign in': 12,
    },
    options: SMALL,
  },
  'discontinuity: a new position': { parts: { restart: () => () => undefined } },
  'mismatch load': { parts: { KnownSessions: answeringFromMemory((isIdle) => !isIdle) } },
  'touch deadline': { parts: { TouchBuffer: WithoutIdleDeadline }, weights: NO_HARM },
  'cut-offs in the log': { parts: { connection: withoutCutOffs }, weights: { 'make a cut-off': 20 } },
  'cut-offs before the answer': {
    parts: { SessionWriter: WaitingForTheLog },
    weights: { 'make a cut-off': 30, 'lose hints': 20, 'cut the log': 20 },
  },
  'a load of its own for a strict check': {
    parts: { SessionLoader: NotJoining },
    weights: { ...NO_HARM, 'slow store': 20, 'check strictly': 60, revoke: 20, 'sign in': 12 },
    options: { ...SMALL, strict: true },
  },
  'suspensions in the log': {
    parts: { connection: withoutRows('suspended') },
    weights: { suspend: 20 },
    options: { strict: false },
  },
  'the policy for who comes back': {
    parts: { SessionWriter: ActivatingWithoutPolicy },
    weights: { ...NO_HARM, suspend: 20, resume: 20, 'sign in': 12 },
  },
  'the policy for who is complete': {
    parts: { SessionWriter: ActivatingWithoutPolicy },
    weights: { ...NO_HARM, 'sign in pending': 15, complete: 20, 'sign in': 12 },
  },
  'the second factor': {
    parts: { SessionLoader: TakingPendingForActive },
    weights: { ...NO_HARM, 'sign in pending': 15 },
  },
  'grace of a rotation': { parts: { TokenRotation: WithoutGrace }, options: { scheduledRotation: true } },
  'grace by when a token was presented': {
    parts: { TokenRotation: CountingFromTheAnswer },
    weights: { ...NO_HARM, ...NEITHER_DATA_NOR_JOBS, 'slow store': 30, 'check with the previous token': 30 },
    options: { scheduledRotation: true },
  },
  'end of a session whose token is reused': {
    parts: { TokenRotation: ForgivingReuse },
    weights: { 'check with the previous token': 30 },
    options: { scheduledRotation: true },
  },
  'one successor': { parts: { TokenRotation: MakingSuccessors }, options: { scheduledRotation: true } },
  ...DATA_SABOTAGES,
  ...JOB_SABOTAGES,
  'idle confirmation': { parts: { KnownSessions: answeringFromMemory((isIdle) => isIdle) } },
};
