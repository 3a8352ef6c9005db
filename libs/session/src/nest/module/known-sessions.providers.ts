import { Logger, type Provider } from '@nestjs/common';
import type { CachedSession } from '../../cache/cached-session.js';
import { MemorySessionCache } from '../../cache/memory-session-cache.js';
import type { SharedSessionCache } from '../../cache/shared-session-cache.js';
import type { SessionStore } from '../../store/session-store.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { NodeClock } from '../../sync/node-clock.js';
import { RememberedVersions } from '../../sync/remembered-versions.js';
import { SessionLoader } from '../../sync/session-loader.js';
import { SharedLevel } from '../../sync/shared-level.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import { UnknownIds } from '../../sync/unknown-ids.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { LogLeaseHolder } from './log-lease-holder.js';
import { schedule } from './schedule.js';
import { makeSharedCache } from './shared-cache.js';
import { REDIS_LINKS, RESOLVED_OPTIONS, SESSION_STORE, SHARED_CACHE, SHARED_LEVEL } from './tokens.js';

/** The levels of the cache, and what keeps them in step. */
export const KNOWN_SESSIONS_PROVIDERS: Provider[] = [
  {
    provide: TouchBuffer,
    inject: [RESOLVED_OPTIONS, SESSION_STORE, NodeClock, SHARED_LEVEL],
    useFactory: makeTouchBuffer,
  },
  {
    provide: MemorySessionCache,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ cache }: ResolvedOptions) => new MemorySessionCache(cache),
  },
  {
    provide: KnownSessions,
    inject: [
      RESOLVED_OPTIONS,
      SESSION_STORE,
      NodeClock,
      MemorySessionCache,
      TouchBuffer,
      LogLeaseHolder,
      RememberedVersions,
      SHARED_LEVEL,
    ],
    useFactory: makeKnownSessions,
  },
  {
    provide: RememberedVersions,
    inject: [RESOLVED_OPTIONS],
    useFactory: (options: ResolvedOptions) =>
      new RememberedVersions(Math.max(VERSIONS_LIFETIME_MS, 2 * sharedLifetimeMs(options))),
  },
  { provide: SHARED_CACHE, inject: [RESOLVED_OPTIONS, REDIS_LINKS], useFactory: makeSharedCache },
  {
    provide: SHARED_LEVEL,
    inject: [RESOLVED_OPTIONS, SHARED_CACHE, MemorySessionCache, RememberedVersions, LogLeaseHolder, NodeClock],
    useFactory: makeSharedLevel,
  },
];

/** Longer than any change of this node can be on its way. */
const VERSIONS_LIFETIME_MS = 120_000;
const LEAST_SHARED_LIFETIME_MS = 10_000;

/** A session that is in use is told of again before the others forget it. */
function sharedLifetimeMs({ keepAccessMs }: ResolvedOptions): number {
  return Math.max(LEAST_SHARED_LIFETIME_MS, 2 * keepAccessMs);
}

function makeSharedLevel(
  options: ResolvedOptions,
  shared: SharedSessionCache | null,
  memory: MemorySessionCache,
  versions: RememberedVersions,
  log: LogLeaseHolder,
  clock: NodeClock,
): SharedLevel | null {
  if (shared === null) return null;
  const { clocks } = options;
  return new SharedLevel({ shared, memory, versions, log, clock, clocks, lifetimeMs: sharedLifetimeMs(options) });
}

function makeTouchBuffer(
  { syncIntervalMs, idleMarginMs, keepAccessMs, cache }: ResolvedOptions,
  store: SessionStore,
  clock: NodeClock,
  shared: SharedLevel | null,
): TouchBuffer {
  const logger = new Logger('IdentitySession');
  const sharing =
    shared === null
      ? {}
      : {
          share: (session: CachedSession) => {
            shared.tellAccess(session);
          },
        };
  return new TouchBuffer(
    { syncIntervalMs, idleMarginMs, mostBuffered: cache.maxSessions, ...(shared === null ? {} : { keepAccessMs }) },
    {
      ...sharing,
      touchMany: (touches) => store.touchMany(touches),
      clock,
      schedule,
      onFailure: (error) => {
        logger.warn(`Last accesses cannot be written and stay in memory: ${String(error)}`);
      },
    },
  );
}

function makeKnownSessions(
  options: ResolvedOptions,
  store: SessionStore,
  clock: NodeClock,
  cache: MemorySessionCache,
  touches: TouchBuffer,
  log: LogLeaseHolder,
  versions: RememberedVersions,
  shared: SharedLevel | null,
): KnownSessions {
  const loader = new SessionLoader({
    findMany: (ids) => store.findMany(ids),
    clocks: options.clocks,
    maxStalenessMs: options.maxStalenessMs,
    onAnswer: (asOf, { begunAt, begunAtWall }) => {
      clock.observe(asOf, begunAt, begunAtWall);
    },
    defer: setImmediate,
  });
  return new KnownSessions({
    cache,
    loader,
    touches,
    clocks: options.clocks,
    maxStalenessMs: options.maxStalenessMs,
    versions,
    unknown: new UnknownIds(options.tailIntervalMs),
    log,
    shared: shared ?? undefined,
  });
}
