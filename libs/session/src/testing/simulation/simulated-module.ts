import { TokenMint } from '../../core/token.js';
import { SessionAdminService } from '../../nest/admin/session-admin.service.js';
import { SessionChecker } from '../../nest/check/session-checker.js';
import { DataRules } from '../../nest/data/data-rules.js';
import type { SessionDataService } from '../../nest/data/session-data.service.js';
import { SessionEndings } from '../../nest/endings/session-endings.js';
import { NO_HOOKS } from '../../nest/hooks/session-hook-runner.js';
import { PLAIN_IDS } from '../../nest/session/session-ids.js';
import { RequestScope } from '../../nest/request/request-scope.js';
import type { SignInRulebook } from '../../nest/settings/sign-in-rules.js';
import type { ConcurrentLoginStrategyService } from '../../nest/sign-in/concurrent-login-strategy.service.js';
import { SessionActivation } from '../../nest/sign-in/session-activation.js';
import type { SessionWriter } from '../../nest/sign-in/session-writer.js';
import { NodePresence } from '../../nest/stats/node-presence.js';
import { SessionStatisticsCounter } from '../../nest/stats/session-statistics.js';
import type { SessionJobStore } from '../../store/session-jobs.js';
import type { SessionStore } from '../../store/session-store.js';
import { CoalescedHints } from '../../sync/hints.js';
import { SimulatedDataService } from './simulated-data-service.js';
import { SimulatedJobWorker } from './simulated-job-worker.js';
import type { SimulatedKnowledge } from './simulated-knowledge.js';
import type { SimulatedSurroundings } from './simulated-surroundings.js';

const MOST_DATA_BYTES = 4_096;
const UNDO_WINDOW_MS = 10_000;

/** Everybody comes from one address. */
const NO_DRIFT = {
  mayHaveMoved: () => false,
  reactionTo: () => 'ignore' as const,
  end: () => Promise.resolve(),
  ending: () => undefined,
};

/** The services of a node, as the module makes them. */
export class SimulatedModule {
  readonly mint: TokenMint;
  readonly writer: SessionWriter;
  readonly checker: SessionChecker;
  readonly activation: SessionActivation;
  readonly admin: SessionAdminService;
  readonly data: SessionDataService;
  readonly jobs: SimulatedJobWorker;

  constructor(knowledge: SimulatedKnowledge, surroundings: SimulatedSurroundings) {
    const { process, clocks, clock, touches, known, cutOffs, sessions: store } = knowledge;
    const { world, database, hints, options, isStrict, rotates } = surroundings;
    const { parts, times } = options;
    this.mint = new TokenMint([], world.random);
    const publisher = new CoalescedHints(() => hints.send(process), ignore);
    // The verbs that are missing are not used here.
    const sessions = store as unknown as SessionStore;
    this.writer = new parts.SessionWriter(
      sessions,
      known,
      publisher,
      cutOffs,
      new SessionEndings(clock, cutOffs),
      new RequestScope(),
    );
    const jobs = withJobs(sessions, parts.jobs(store.jobs as unknown as SessionJobStore));
    this.jobs = new SimulatedJobWorker({ world, database, process, clocks }, jobs, this.writer, clock);
    this.data = new SimulatedDataService(world, process, [
      this.writer,
      known,
      touches,
      new DataRules({ maxBytes: MOST_DATA_BYTES }),
      NO_HOOKS,
      { history: { dataValues: false } },
    ]);
    const intervalMs = rotates ? times.rotationIntervalMs : 0;
    const graceMs = rotates ? times.rotationGraceMs : 0;
    const rules = { rotation: { intervalMs, graceMs, onReuse: 'revoke' } } as const;
    const rotation = new parts.TokenRotation(rules, this.mint, this.writer, clock);
    this.checker = new SessionChecker(known, this.mint, touches, clock, cutOffs, rotation, NO_DRIFT, {
      strict: isStrict,
      // No timer but the schedule's.
      refusalMs: 0,
    });
    const strategy = { configuredPolicyFor: () => Promise.resolve(options.policy) };
    const { idleTimeoutMs, absoluteLifetimeMs } = times;
    const rulebook = { termsFor: () => () => ({ policy: options.policy, idleTimeoutMs, absoluteLifetimeMs }) };
    this.activation = new SessionActivation(
      this.writer,
      strategy as unknown as ConcurrentLoginStrategyService,
      rulebook as unknown as SignInRulebook,
      this.mint,
      { trustProxyHops: 0, questionLifetimeMs: 1_000, codecs: { token: [], id: PLAIN_IDS } },
    );
    this.admin = new SessionAdminService(
      sessions,
      this.writer,
      touches,
      new SessionStatisticsCounter(sessions, new NodePresence()),
      this.activation,
      {
        suspension: { slot: 'keep' },
        undo: { windowMs: UNDO_WINDOW_MS },
      },
      NO_HOOKS,
    );
  }
}

/** What a worker on jobs asks the store for. */
function withJobs(store: SessionStore, jobs: SessionJobStore): SessionStore {
  return { listIds: store.listIds.bind(store), jobs } as unknown as SessionStore;
}

function ignore(): void {
  // The trace tells more.
}
