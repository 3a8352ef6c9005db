import type { SessionCache } from '../../cache/session-cache.js';
import { CutOffs } from '../../sync/cut-offs.js';
import type { KnownSessions } from '../../sync/known-sessions.js';
import { NodeClock } from '../../sync/node-clock.js';
import type { Moment } from '../../sync/session-loader.js';
import { Tail } from '../../sync/tail.js';
import type { TouchBuffer } from '../../sync/touch-buffer.js';
import { UnknownIds } from '../../sync/unknown-ids.js';
import { SimulatedClocks } from './simulated-clocks.js';
import { SimulatedLink } from './simulated-link.js';
import { SimulatedChangeLog } from './simulated-log.js';
import { SimulatedProcess } from './simulated-scheduler.js';
import { SimulatedStore } from './simulated-store.js';
import type { SimulatedSurroundings } from './simulated-surroundings.js';

/** A read of the log is given up after this part of the lease, as the module does it. */
const DEADLINE_OF_LEASE = 0.45;
/** Longer than any change of a node is on its way. */
const VERSIONS_LIFETIME_MS = 120_000;

/** How a node comes to know sessions, as the module wires it: its clocks and links, the log, the cache and the touches. */
export class SimulatedKnowledge {
  readonly process: SimulatedProcess;
  readonly clocks: SimulatedClocks;
  readonly clock: NodeClock;
  readonly log: SimulatedLink;
  readonly store: SimulatedLink;
  readonly sessions: SimulatedStore;
  readonly cache: SessionCache;
  readonly touches: TouchBuffer;
  readonly known: KnownSessions;
  readonly tail: Tail;
  readonly cutOffs = new CutOffs();

  constructor(name: string, skewMs: number, { world, database, redis, options }: SimulatedSurroundings) {
    const { parts, times } = options;
    this.process = new SimulatedProcess(name);
    this.clocks = new SimulatedClocks(world.scheduler, this.process, skewMs, world.random.between(0, 1e6));
    const { timer } = this.clocks;
    const clock = (this.clock = new NodeClock(this.clocks));
    const observe = (now: number, { begunAt, begunAtWall }: Moment): void => {
      clock.observe(now, begunAt, begunAtWall);
    };
    this.store = new SimulatedLink(world, database, this.process, timer, times.storeDeadlineMs);
    this.log = new SimulatedLink(world, database, this.process, timer, times.maxStalenessMs * DEADLINE_OF_LEASE);
    const sessions = (this.sessions = new SimulatedStore(database, this.store, name));

    this.cache = parts.makeCache();
    this.touches = new parts.TouchBuffer(times, {
      touchMany: (touches) => sessions.touchMany(touches),
      clock,
      schedule: timer,
      onFailure: ignore,
      share: (session) => {
        shared?.tellAccess(session);
      },
    });
    const loader = new parts.SessionLoader({
      findMany: (ids) => sessions.findMany(ids),
      clocks: this.clocks,
      maxStalenessMs: times.maxStalenessMs,
      onAnswer: observe,
      defer: (task) => {
        world.scheduler.schedule(this.process, world.random.between(0, 0.5), task);
      },
    });
    const restart = parts.restart(() => {
      this.known.restart();
    });
    this.tail = new Tail(times, {
      connect: async () => parts.connection(await SimulatedChangeLog.connect(database, this.log)),
      clocks: this.clocks,
      apply: (changes) => {
        this.cutOffs.apply(changes.flatMap(({ cutOff }) => cutOff ?? []));
        this.known.applyLogged(changes);
      },
      restart: (cutOffs) => {
        this.cutOffs.apply(cutOffs);
        restart();
      },
      onAnswer: observe,
      schedule: timer,
      yieldTurn: () => world.scheduler.pause(this.process, world.random.between(0, 5)),
      random: () => world.random.next(),
      onFailure: ignore,
    });
    const log = parts.log(this.tail);
    const versions = new parts.RememberedVersions(Math.max(VERSIONS_LIFETIME_MS, 2 * times.sharedLifetimeMs));
    const { cache, clocks, touches } = this;
    const { maxStalenessMs, sharedLifetimeMs: lifetimeMs } = times;
    const shared =
      redis === undefined
        ? undefined
        : new parts.SharedLevel({
            shared: redis.clientOf(this.process, timer),
            ...{ memory: cache, versions, log, clock, clocks, lifetimeMs },
          });
    const unknown = new UnknownIds(times.tailIntervalMs);
    this.known = new parts.KnownSessions({
      cache,
      loader,
      touches,
      clocks,
      maxStalenessMs,
      versions,
      unknown,
      log,
      shared,
    });
  }
}

function ignore(): void {
  // The trace tells more.
}
