import type { CachedSession } from '../../cache/cached-session.js';
import { MemorySessionCache } from '../../cache/memory-session-cache.js';
import type { SharedSession } from '../../cache/shared-session-cache.js';
import type { ChangeLogConnection, LogRead } from '../../sync/change-log.js';
import { KnownSessions, type KnownSessionsPorts } from '../../sync/known-sessions.js';
import { RememberedVersions } from '../../sync/remembered-versions.js';
import { type LoadedSession, SessionLoader, type SessionLoaderPorts } from '../../sync/session-loader.js';
import { SharedLevel, type SharedLevelPorts } from '../../sync/shared-level.js';
import { TouchBuffer, type TouchBufferOptions, type TouchBufferPorts } from '../../sync/touch-buffer.js';
import { HARMS, type SimulatedAction } from './simulated-schedule.js';
import type { SimulatedParts, SimulationOptions } from './simulation-options.js';
import { parseSnapshot } from './transaction-ids.js';

/** A part without its safeguard, and what kind of schedules meet it. */
export interface Sabotage {
  readonly parts: Partial<SimulatedParts>;
  /** Makes the steps that matter more frequent; without, schedules are as everywhere else. */
  readonly weights?: Partial<Record<SimulatedAction, number>>;
  readonly options?: Omit<SimulationOptions, 'parts'>;
}

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

/** Where few meet, they meet more often. */
const SMALL = { nodes: 2, users: 1 } as const;

/** Each safeguard, switched off alone. */
export const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'discard of late fills': {
    parts: { SessionLoader: NeverOvertaken, RememberedVersions: AcceptingLateFills },
    weights: { 'slow store': 20, revoke: 20 },
  },
  'if-newer': {
    parts: { makeCache: () => new Overwriting({ maxSessions: 100, maxBytes: 1_000_000 }) },
    weights: { ...NO_HARM, 'slow store': 20, 'cut the log': 20, 'check strictly': 60, revoke: 15, 'sign in': 15 },
    options: { ...SMALL, sharedCache: false },
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
    weights: { ...NO_HARM, 'slow store': 20, 'cut the log': 20, revoke: 12, 'sign in': 12 },
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
  'idle confirmation': { parts: { KnownSessions: answeringFromMemory((isIdle) => isIdle) } },
};
