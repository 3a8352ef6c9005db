import type { SessionCache } from '../../cache/session-cache.js';
import type { CutOffScope } from '../../core/cut-off.js';
import type { SessionRecord } from '../../core/session.js';
import { newSessionId, TokenMint } from '../../core/token.js';
import { SessionAdminService } from '../../nest/admin/session-admin.service.js';
import { SessionChecker } from '../../nest/check/session-checker.js';
import type { SessionRequirements } from '../../nest/check/session-judge.js';
import type { SessionVerdict } from '../../nest/check/session-verdict.js';
import { SessionEndings } from '../../nest/endings/session-endings.js';
import { NO_HOOKS } from '../../nest/hooks/session-hook-runner.js';
import { RequestScope } from '../../nest/request/request-scope.js';
import { Session } from '../../nest/session/session.js';
import { DataRules } from '../../nest/data/data-rules.js';
import type { SessionDataService } from '../../nest/data/session-data.service.js';
import type { SignInRulebook } from '../../nest/settings/sign-in-rules.js';
import type { ConcurrentLoginStrategyService } from '../../nest/sign-in/concurrent-login-strategy.service.js';
import { SessionActivation } from '../../nest/sign-in/session-activation.js';
import { recordsOf, type SessionWriter } from '../../nest/sign-in/session-writer.js';
import { NodePresence } from '../../nest/stats/node-presence.js';
import { SessionStatisticsCounter } from '../../nest/stats/session-statistics.js';
import type { PendingAdmission } from '../../store/session-activation.js';
import type { SessionJobStore } from '../../store/session-jobs.js';
import type { Restoration, RestoreOutcome, SessionUndoStore } from '../../store/session-undo.js';
import type { AdmitOutcome, SessionStore } from '../../store/session-store.js';
import { CutOffs } from '../../sync/cut-offs.js';
import { CoalescedHints } from '../../sync/hints.js';
import type { KnownSessions } from '../../sync/known-sessions.js';
import { NodeClock } from '../../sync/node-clock.js';
import type { Moment } from '../../sync/session-loader.js';
import { Tail } from '../../sync/tail.js';
import { UnknownIds } from '../../sync/unknown-ids.js';
import type { TouchBuffer } from '../../sync/touch-buffer.js';
import { SimulatedClocks } from './simulated-clocks.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedHints } from './simulated-hints.js';
import { SimulatedDataService } from './simulated-data-service.js';
import { SimulatedJobWorker } from './simulated-job-worker.js';
import { SimulatedLink } from './simulated-link.js';
import { SimulatedChangeLog } from './simulated-log.js';
import { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedRedis } from './simulated-shared-cache.js';
import { SimulatedStore } from './simulated-store.js';
import type { SimulatedWorld } from './simulated-world.js';
import type { ResolvedSimulation } from './simulation-options.js';

/** A read of the log is given up after this part of the lease, as the module does it. */
const DEADLINE_OF_LEASE = 0.45;
/** Longer than any change of a node is on its way. */
const VERSIONS_LIFETIME_MS = 120_000;

const MOST_DATA_BYTES = 4_096;
const UNDO_WINDOW_MS = 10_000;

const NOTE = { reason: 'simulated', by: null };

/** A sign-in that waits for its second factor. */
const WAITING: PendingAdmission = {
  requirements: [{ name: 'second_factor', approvers: null }],
  ...{ roles: [], timeLimitMs: 8_000, most: 2 },
};

/** Everybody comes from one address. */
const NO_DRIFT = {
  mayHaveMoved: () => false,
  reactionTo: () => 'ignore' as const,
  end: () => Promise.resolve(),
  ending: () => undefined,
};

/** What a node is in: everybody's world. */
export interface SimulatedSurroundings {
  readonly world: SimulatedWorld;
  readonly database: SimulatedDatabase;
  readonly hints: SimulatedHints;
  /** Absent in a cluster whose nodes share no cache. */
  readonly redis: SimulatedRedis | undefined;
  readonly options: ResolvedSimulation;
  /** Each check asks the database. */
  readonly isStrict: boolean;
  /** Tokens are rotated by the clock, not by hand alone. */
  readonly rotates: boolean;
}

/** A new session and its token, which nobody else has. */
export interface SimulatedSignIn {
  readonly record: SessionRecord;
  readonly token: string;
}

/**
 * One life of a node: the product's own parts, wired as the module wires them, over simulated clocks, links and hints.
 * A crash is the end of its process; the next life begins with nothing.
 */
export class SimulatedNode {
  readonly process: SimulatedProcess;
  readonly clocks: SimulatedClocks;
  readonly clock: NodeClock;
  readonly log: SimulatedLink;
  readonly store: SimulatedLink;
  readonly cache: SessionCache;
  readonly touches: TouchBuffer;
  readonly known: KnownSessions;
  readonly tail: Tail;
  readonly checker: SessionChecker;
  readonly cutOffs = new CutOffs();
  /** Answers requests. */
  isServing = false;
  readonly #mint: TokenMint;
  readonly #activation: SessionActivation;
  readonly #admin: SessionAdminService;
  readonly #data: SessionDataService;
  readonly #jobs: SimulatedJobWorker;
  readonly #writer: SessionWriter;
  readonly #sessions: SimulatedStore;

  constructor(
    name: string,
    skewMs: number,
    private readonly surroundings: SimulatedSurroundings,
  ) {
    const { world, database, hints, redis, options } = surroundings;
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
    const store = (this.#sessions = new SimulatedStore(database, this.store, name));
    const ignore = (): void => undefined;

    this.cache = parts.makeCache();
    this.touches = new parts.TouchBuffer(times, {
      touchMany: (touches) => store.touchMany(touches),
      clock,
      schedule: timer,
      onFailure: ignore,
      share: (session) => {
        shared?.tellAccess(session);
      },
    });
    const loader = new parts.SessionLoader({
      findMany: (ids) => store.findMany(ids),
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
    const { cutOffs } = this;
    this.#mint = new TokenMint([], world.random);
    const publisher = new CoalescedHints(() => hints.send(this.process), ignore);
    // The verbs that are missing are not used here.
    const sessions = store as unknown as SessionStore;
    this.#writer = new parts.SessionWriter(
      sessions,
      this.known,
      publisher,
      cutOffs,
      new SessionEndings(clock, cutOffs),
      new RequestScope(),
    );
    const machine = { world, database, process: this.process, clocks };
    this.#jobs = new SimulatedJobWorker(machine, this.#withJobs(sessions), this.#writer, clock);
    this.#data = new SimulatedDataService(world, this.process, [
      this.#writer,
      this.known,
      touches,
      new DataRules({ maxBytes: MOST_DATA_BYTES }),
      NO_HOOKS,
      { history: { dataValues: false } },
    ]);
    const intervalMs = surroundings.rotates ? times.rotationIntervalMs : 0;
    const graceMs = surroundings.rotates ? times.rotationGraceMs : 0;
    const rules = { rotation: { intervalMs, graceMs, onReuse: 'revoke' } } as const;
    const rotation = new parts.TokenRotation(rules, this.#mint, this.#writer, clock);
    this.checker = new SessionChecker(this.known, this.#mint, this.touches, clock, cutOffs, rotation, NO_DRIFT, {
      strict: surroundings.isStrict,
      // No timer but the schedule's.
      refusalMs: 0,
    });
    const strategy = { configuredPolicyFor: () => Promise.resolve(options.policy) };
    const { idleTimeoutMs, absoluteLifetimeMs } = times;
    const rulebook = { termsFor: () => () => ({ policy: options.policy, idleTimeoutMs, absoluteLifetimeMs }) };
    this.#activation = new SessionActivation(
      this.#writer,
      strategy as unknown as ConcurrentLoginStrategyService,
      rulebook as unknown as SignInRulebook,
      this.#mint,
      { trustProxyHops: 0, questionLifetimeMs: 1_000 },
    );
    this.#admin = new SessionAdminService(
      sessions,
      this.#writer,
      this.touches,
      new SessionStatisticsCounter(sessions, new NodePresence()),
      this.#activation,
      {
        suspension: { slot: 'keep' },
        undo: { windowMs: UNDO_WINDOW_MS },
      },
      NO_HOOKS,
    );
    hints.listen(this.process, () => {
      this.tail.wake();
    });
  }

  /** Asks the database for its time until it answers, then follows the log and serves. */
  async start(): Promise<void> {
    for (;;) {
      const asked = this.known.moment();
      const now = await this.#sessions.now().catch(() => undefined);
      if (now !== undefined) {
        this.clock.observe(now, asked.begunAt, asked.begunAtWall);
        await this.tail.start();
        this.#jobs.start();
        this.isServing = true;
        return;
      }
      await this.surroundings.world.scheduler.pause(this.process, 500);
    }
  }

  /** As on SIGTERM: writes what is buffered, then the process ends. */
  async stop(): Promise<void> {
    this.isServing = false;
    await Promise.all([this.touches.flushAll(), this.#jobs.stop()]);
    await this.tail.stop();
    await this.touches.stop();
  }

  /** The machine sleeps: nothing runs, and the monotonic clock stands still. */
  sleep(forMs: number): void {
    this.clocks.sleep(forMs);
    this.standStill(forMs);
  }

  /** Nothing of it runs for so long, at least. */
  standStill(forMs: number): void {
    this.process.standsStillUntil = Math.max(this.process.standsStillUntil, this.surroundings.world.now + forMs);
  }

  /** Somebody sets the wall clock. */
  stepClock(ms: number): void {
    this.clocks.step(ms);
  }

  get isStrict(): boolean {
    return this.surroundings.isStrict;
  }

  check(token: string, requirements: SessionRequirements): SessionVerdict | Promise<SessionVerdict> {
    return this.checker.verify(token, requirements, '192.0.2.1');
  }

  /** As `SessionService.signIn`, with less to say about the session. */
  async signIn(userId: string, name: string, isPending = false): Promise<SimulatedSignIn | undefined> {
    const { options, world } = this.surroundings;
    const id = newSessionId(world.random, this.clock.now());
    const { token, digest } = this.#mint.mint(id, 0);
    const { absoluteLifetimeMs } = options.times;
    // Some outlive a while without requests, others do not.
    const idleTimeoutMs = options.times.idleTimeoutMs * (world.random.chance(0.5) ? 1 : 3);
    const outcome = await this.#writer.write(
      undefined,
      (store) =>
        store.admit({
          id,
          facts: { tenantId: null, userId, clientId: null, deviceType: 'web', deviceId: null },
          policy: options.policy,
          tokenDigest: digest,
          deviceName: null,
          userAgent: null,
          ip: null,
          location: null,
          impersonator: null,
          rememberMe: false,
          assurance: 'aal1',
          idleTimeoutMs,
          absoluteLifetimeMs,
          data: { name },
          replaces: null,
          answer: null,
          question: { ticketDigest: digest, lifetimeMs: 1_000 },
          pending: isPending ? WAITING : null,
        }),
      changedBy,
    );
    return outcome.kind === 'admitted' ? { record: outcome.session, token } : undefined;
  }

  /** As an administrator does it; `undefined` where there is nothing to end. */
  async revoke(id: string): Promise<boolean> {
    return (await this.#admin.revoke(id, { reason: 'simulated', by: null })) !== undefined;
  }

  /** As an administrator does it; `false` where it is not active. */
  async suspend(id: string, freesSlot: boolean): Promise<boolean> {
    const suspended = await this.#admin.suspend(id, { ...NOTE, slot: freesSlot ? 'free' : 'keep' });
    return suspended !== undefined;
  }

  /** As an administrator does it. */
  async resume(id: string): Promise<boolean> {
    return (await this.#admin.resume(id, NOTE)) !== undefined;
  }

  /** As `SessionService.complete` with all that is required: the new token. */
  async complete(id: string): Promise<string | null> {
    const record = await this.#writer.read(undefined, id);
    if (record === undefined) return null;
    const given = { requirement: WAITING.requirements[0]?.name };
    return (await this.#activation.take(new Session(record), given, () => undefined)).token;
  }

  /** As an administrator does it; gives the moment, on the database's clock. */
  async cutOff(scope: CutOffScope): Promise<number> {
    const { notBefore } = await this.#admin.cutOff({ ...scope, reason: 'simulated' });
    return notBefore.getTime();
  }

  /** Gives the session's data as it is from then on. */
  mergeData(id: string, member: string, value: string): Promise<Session> {
    return this.#data.merge(id, { [member]: value });
  }

  /** As `mergeData`, by replacing what this node has of it, as long as that is what there is. */
  async setData(id: string, member: string, value: string): Promise<Session | undefined> {
    const record = this.known.trusted(id)?.record ?? (await this.#writer.read(undefined, id));
    if (record === undefined) return undefined;
    return this.#data.set(id, { ...record.data, [member]: value }, { ifVersion: record.dataVersion });
  }

  setUserData(userId: string, member: string, value: string): Promise<number> {
    return this.#data.setUserData({ tenantId: null, userId }, { [member]: value });
  }

  /** As an administrator does it; `false` where there is no such session. */
  async undo(id: string): Promise<boolean> {
    return (await this.#admin.undo(id, NOTE)) !== undefined;
  }

  /** As `SessionService.restore`, for whoever has the token: the new session; `undefined` where it is refused. */
  async restore(id: string): Promise<SimulatedSignIn | undefined> {
    const { options, world } = this.surroundings;
    const old = await this.#writer.read(undefined, id);
    if (old === undefined) return undefined;
    const newId = newSessionId(world.random, this.clock.now());
    const { token, digest } = this.#mint.mint(newId, 0);
    const { tenantId, userId, clientId, deviceType, deviceId, tokenDigest: presentedDigest } = old;
    const { idleTimeoutMs, absoluteLifetimeMs } = options.times;
    const restoration: Restoration = {
      ...{ id: newId, from: id, facts: { tenantId, userId, clientId, deviceType, deviceId }, presentedDigest },
      ...{ tokenDigest: digest, policy: options.policy, idleTimeoutMs: 3 * idleTimeoutMs, absoluteLifetimeMs },
      ...{ answer: null, question: { ticketDigest: digest, lifetimeMs: 1_000 } },
    };
    const outcome = await this.#writer.write(
      undefined,
      (store) => (store as SessionStore & SessionUndoStore).restore(restoration),
      restoredBy,
    );
    return outcome.kind === 'restored' ? { record: outcome.session, token } : undefined;
  }

  /** As an administrator asks for it: revokes all sessions of a user by a job. */
  async startJob(id: string, userId: string, reason: string): Promise<true> {
    const asked = { kind: 'revoke', filter: { userId }, scope: { kind: 'all' }, reason } as const;
    await this.#sessions.jobs.createJob({ ...asked, id, askedBy: null, max: null, matched: 0, needsApproval: false });
    this.#jobs.wake();
    return true;
  }

  /** False where it is over. */
  async cancelJob(id: string): Promise<boolean> {
    return (await this.#sessions.jobs.cancelJob(id, null)) !== undefined;
  }

  #withJobs(store: SessionStore): SessionStore {
    const jobs = this.surroundings.options.parts.jobs(this.#sessions.jobs as unknown as SessionJobStore);
    return { listIds: store.listIds.bind(store), jobs } as unknown as SessionStore;
  }

  /** As `SessionService.signOut`, for a token that is right. */
  async signOut(id: string): Promise<boolean> {
    const record = await this.#writer.read(undefined, id);
    if (record === undefined) return false;
    await this.touches.flushOne(id);
    const note = { reason: 'signed_out', by: null };
    const end = (store: SessionStore): Promise<SessionRecord | undefined> =>
      store.end({ kind: 'all' }, id, 'signed_out', note);
    const ended = await this.#writer.write(undefined, end, recordsOf);
    if (ended === undefined) this.known.forget([{ ...record, version: record.version + 1 }]);
    return ended !== undefined;
  }

  /** As `SessionService.rotate`: the new token; `undefined` where the session has ended or was rotated meanwhile. */
  async rotate(id: string): Promise<string | undefined> {
    const current = await this.#writer.read(undefined, id);
    if (current === undefined) return undefined;
    const { token, digest } = this.#mint.mint(id, current.tokenGeneration + 1);
    const rotation = { id, fromGeneration: current.tokenGeneration, tokenDigest: digest, reauthenticated: false };
    const note = { reason: 'simulated', by: null };
    const record = await this.#writer.write(undefined, (store) => store.rotate(rotation, note), recordsOf);
    return record === undefined ? undefined : token;
  }
}

function changedBy(outcome: AdmitOutcome): readonly SessionRecord[] {
  return outcome.kind === 'admitted' ? [...outcome.ended, ...outcome.evicted, outcome.session] : outcome.ended;
}

function restoredBy(outcome: RestoreOutcome): readonly SessionRecord[] {
  if (outcome.kind !== 'restored') return outcome.ended;
  return [...outcome.ended, ...outcome.evicted, outcome.from, outcome.session];
}
