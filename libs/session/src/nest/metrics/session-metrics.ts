import { Inject, Injectable } from '@nestjs/common';
import { RedisSessionCache } from '../../cache/redis/redis-session-cache.js';
import type { SharedSessionCache } from '../../cache/shared-session-cache.js';
import type { HintChannel } from '../../sync/hint-channel.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import { SessionChecker } from '../check/session-checker.js';
import { SessionCleanup } from '../cleanup/session-cleanup.js';
import { SessionEventFeed } from '../events/session-event-feed.js';
import { SessionJobWorker } from '../jobs/session-job-worker.js';
import { type LogFigures, LogFollower } from '../module/log-follower.js';
import { HINT_CHANNEL, SHARED_CACHE } from '../module/tokens.js';
import { SessionWriter } from '../sign-in/session-writer.js';

/** One value of one metric, named and given in units as Prometheus has it. */
export interface MetricSample {
  readonly name: string;
  /** One sentence; the same for all samples of a name. */
  readonly help: string;
  /** A counter only grows while the process lives; a gauge is as it is now. */
  readonly type: 'counter' | 'gauge';
  readonly value: number;
  /** From small fixed sets: never an id, an address or anything else of a user. */
  readonly labels?: Readonly<Record<string, string>>;
}

const NO_REDIS: RedisSessionCache['counts'] = {
  hits: 0,
  misses: 0,
  refused: { type: 0, oversize: 0, format: 0, malformed: 0, foreign: 0, unauthenticated: 0 },
  failures: 0,
  timeouts: 0,
  skipped: 0,
  writes: 0,
};
const NO_SHARED_LEVEL = { hits: 0, misses: 0, refused: 0 };

/**
 * What this node has counted, for Prometheus, OpenTelemetry or whatever the application watches itself with. The module
 * depends on none of them: it counts in plain numbers, and `collect` reads them.
 */
@Injectable()
export class SessionMetrics {
  readonly #sources: (() => readonly MetricSample[])[] = [];

  constructor(
    @Inject(KnownSessions) private readonly known: KnownSessions,
    @Inject(TouchBuffer) private readonly touches: TouchBuffer,
    @Inject(LogFollower) private readonly log: LogFollower,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(SessionChecker) private readonly checker: SessionChecker,
    @Inject(SessionEventFeed) private readonly events: SessionEventFeed,
    @Inject(SessionCleanup) private readonly cleanup: SessionCleanup,
    @Inject(SessionJobWorker) private readonly jobs: SessionJobWorker,
    @Inject(SHARED_CACHE) private readonly shared: SharedSessionCache | null,
    @Inject(HINT_CHANNEL) private readonly hints: HintChannel | null,
  ) {}

  /** Has `collect` give what another part of the module counts, after its own. */
  add(source: () => readonly MetricSample[]): void {
    this.#sources.push(source);
  }

  /**
   * Every sample as it is now; asks nobody. The samples of a name follow each other. Those of the change log are left
   * out where the application brings a store of its own.
   */
  collect(): MetricSample[] {
    const log = this.log.figures();
    return [
      ...this.#ofSessions(),
      ...this.#ofRedis(),
      ...this.#ofTouches(),
      ...(log === undefined ? [] : samplesOf(log)),
      ...this.#ofHints(),
      ...this.#ofEvents(),
      ...this.#ofCleanup(),
      ...this.#ofJobs(),
      ...this.#sources.flatMap((source) => source()),
    ];
  }

  #ofSessions(): MetricSample[] {
    const { loads, shared = NO_SHARED_LEVEL, ...known } = this.known.figures;
    const asked = counter('shared_reads_total', 'Questions to the shared cache, by what came of them.');
    const looked = counter('lookups_total', 'Sessions looked up, by where they were found.');
    const ended = counter('ended_total', 'Sessions that this node has ended, by what they became.');
    const discarded = counter('discarded_fills_total', 'Records that came too late to be kept in memory.');
    return [
      looked(known.inMemory, { level: 'memory' }),
      looked(known.inShared, { level: 'shared' }),
      looked(known.inDatabase, { level: 'database' }),
      looked(known.nowhere, { level: 'none' }),
      asked(shared.hits, { outcome: 'hit' }),
      asked(shared.misses, { outcome: 'miss' }),
      asked(shared.refused, { outcome: 'refused' }),
      counter('loads_total', 'Sessions asked of the database.')(loads.sessions),
      counter('load_statements_total', 'Statements that asked the database for sessions.')(loads.statements),
      counter('load_failures_total', 'Of these statements, those that failed.')(loads.failures),
      counter('loads_refused_total', 'Loads refused because too many waited.')(loads.refused),
      gauge('loads_waiting', 'Loads that no statement has been sent for yet.')(known.waitingLoads),
      counter('mismatches_total', 'Secrets that memory did not confirm.')(this.checker.counts.doubts),
      counter(
        'mismatches_refused_total',
        'Of these, those refused because too many were compared.',
      )(this.checker.counts.refusedDoubts),
      discarded(known.overtaken, { reason: 'overtaken' }),
      discarded(known.outdated, { reason: 'outdated' }),
      gauge('cached_sessions', 'Sessions in memory.')(known.cached),
      gauge(
        'remembered_versions',
        'Sessions whose versions are remembered, to refuse older records.',
      )(known.rememberedVersions),
      counter('created_total', 'Sessions that this node has begun.')(this.writer.tally.created),
      ...Object.entries(this.writer.tally.ended).map(([status, value]) => ended(value, { status })),
      counter('rotations_total', 'Tokens that this node has replaced.')(this.writer.counts.rotations),
    ];
  }

  #ofRedis(): MetricSample[] {
    const { refused, ...counts } = this.shared instanceof RedisSessionCache ? this.shared.counts : NO_REDIS;
    const called = counter('redis_calls_total', 'Reads and writes of the shared cache in Redis, by how they ended.');
    const unbelieved = counter('redis_refused_total', 'Values in Redis that were no session of the asked id.');
    return [
      called(counts.hits, { outcome: 'hit' }),
      called(counts.misses, { outcome: 'miss' }),
      called(counts.writes, { outcome: 'written' }),
      called(counts.failures, { outcome: 'failed' }),
      called(counts.timeouts, { outcome: 'timeout' }),
      called(counts.skipped, { outcome: 'skipped' }),
      ...Object.entries(refused).map(([reason, value]) => unbelieved(value, { reason })),
    ];
  }

  #ofTouches(): MetricSample[] {
    const { counts, size } = this.touches;
    return [
      gauge('touches_buffered', 'Sessions with accesses that the database does not have yet.')(size),
      counter('touches_written_total', 'Last accesses written.')(counts.written),
      counter('touches_skipped_total', 'Last accesses put off because somebody had the row locked.')(counts.skipped),
      counter('touch_write_failures_total', 'Batches of last accesses that could not be written.')(counts.failures),
      counter('touches_lost_total', 'Last accesses given up because too many waited.')(counts.lost),
    ];
  }

  #ofHints(): MetricSample[] {
    const { sent, failures } = this.hints?.counts ?? { sent: 0, failures: 0 };
    const { arrive = null, roundTripMs = null } = this.hints?.report() ?? {};
    return [
      gauge('hints_arrive', 'Whether hints arrive, as the last probe found: 1 or 0.')(arrive === true ? 1 : 0),
      gauge(
        'hint_round_trip_seconds',
        'What the last hint took that this node sent itself; not a number before the first.',
      )((roundTripMs ?? Number.NaN) / 1_000),
      counter('hints_sent_total', 'Hints sent to the other nodes.')(sent),
      counter('hint_failures_total', 'Of these, those that could not be sent.')(failures),
    ];
  }

  #ofEvents(): MetricSample[] {
    const { counts, queued } = this.events;
    return [
      gauge('events_queued', 'Events that wait for a listener of this process.')(queued),
      counter('events_delivered_total', 'Events given to listeners of this process.')(counts.delivered),
      counter('event_failures_total', 'Of these, those that a listener failed for.')(counts.failures),
      counter(
        'event_overflows_total',
        'Times that a listener was too slow and got a resync instead.',
      )(counts.overflows),
    ];
  }

  #ofJobs(): MetricSample[] {
    const { counts, isAtJob } = this.jobs;
    const looked = counter('job_sessions_total', 'Sessions that this node has looked at for jobs, by what came of it.');
    return [
      gauge('job_running', 'Whether this node is at a job: 1 or 0.')(isAtJob ? 1 : 0),
      counter('job_pages_total', 'Pages of jobs that this node has written.')(counts.pages),
      looked(counts.changed, { outcome: 'changed' }),
      looked(counts.skipped, { outcome: 'skipped' }),
      counter('jobs_taken_over_total', 'Jobs that this node has gone on with.')(counts.takenOver),
      counter('job_failures_total', 'Jobs, and looks for some, that were broken off.')(counts.failures),
    ];
  }

  #ofCleanup(): MetricSample[] {
    const { counts, isRunning, lastRunAt = Number.NaN } = this.cleanup;
    const removed = counter(
      'cleanup_removed_total',
      'Rows that the cleanup of this node has removed, by what they were.',
    );
    return [
      gauge('cleanup_running', 'Whether a cleanup is under way on this node: 1 or 0.')(isRunning ? 1 : 0),
      gauge(
        'cleanup_last_run_timestamp_seconds',
        'When a cleanup last came to its end on this node; not a number before the first.',
      )(lastRunAt / 1_000),
      counter('cleanup_runs_total', 'Cleanups that came to their end.')(counts.runs),
      counter('cleanup_failures_total', 'Cleanups that the database broke off.')(counts.failures),
      counter('cleanup_ended_total', 'Sessions that the cleanup of this node has ended.')(counts.ended),
      removed(counts.removed, { kind: 'session' }),
      removed(counts.changes, { kind: 'change' }),
      removed(counts.questions, { kind: 'question' }),
      counter(
        'cleanup_scrubbed_total',
        'Sessions that the cleanup of this node has taken the addresses from.',
      )(counts.scrubbed),
    ];
  }
}

function samplesOf(log: LogFigures): MetricSample[] {
  return [
    gauge('lease_held', 'Whether memory may be trusted: 1 or 0.')(log.isHeld ? 1 : 0),
    gauge('lease_age_seconds', 'How long ago the last applied read of the change log began.')(log.leaseAgeMs / 1_000),
    counter('tail_reads_total', 'Reads of the change log that were applied.')(log.reads),
    counter('tail_failures_total', 'Reads of the change log, or connections for them, that failed.')(log.failures),
    counter(
      'tail_restarts_total',
      'Times that the log was begun anew and memory dropped, the start included.',
    )(log.restarts),
    counter('tail_changes_total', 'Changes read from the log and applied.')(log.changes),
    counter(
      'tail_delay_seconds_total',
      'How old these changes were when they were applied, together.',
    )(log.delays.sumMs / 1_000),
    gauge(
      'tail_lag_seconds',
      'How old the newest change was when the last ones were applied.',
    )(log.delays.lastMs / 1_000),
  ];
}

type Labels = Readonly<Record<string, string>>;

/** Makes the samples of a metric. */
type Sampler = (value: number, labels?: Labels) => MetricSample;

export const counter = (name: string, help: string): Sampler => sampleOf('counter', name, help);
export const gauge = (name: string, help: string): Sampler => sampleOf('gauge', name, help);

function sampleOf(type: MetricSample['type'], name: string, help: string): Sampler {
  const metric = { name: `identity_session_${name}`, help, type };
  return (value, labels) => ({ ...metric, value, ...(labels === undefined ? {} : { labels }) });
}
