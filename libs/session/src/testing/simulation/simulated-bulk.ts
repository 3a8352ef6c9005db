import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { CommittedVersion, SimulatedDatabase, SimulatedJob } from './simulated-database.js';
import { nameOf } from './simulated-history.js';

/** What was promised of jobs: what there was is ended and nothing else, once, and counted, whoever died at it. */
export class SimulatedBulk {
  /** By reason: how many sessions were ended for it. */
  readonly #ended = new Map<string, number>();
  /** By id: as of when the job was there, on the true clock. */
  readonly #begun = new Map<string, number>();
  readonly #cancelled = new Set<string>();

  constructor(
    private readonly database: SimulatedDatabase,
    private readonly violated: (what: string) => void,
  ) {}

  /** Somebody was told that there is a job. */
  started(id: string, reason: string): void {
    if (!this.database.jobs.has(id)) this.violated(`${reason} was acknowledged and is not there`);
  }

  /** Somebody was told that it changes nothing more. */
  cancelled(id: string): void {
    this.#cancelled.add(id);
  }

  committed(versions: readonly CommittedVersion[], jobs: readonly SimulatedJob[], now: number): void {
    for (const { record, isTouch } of versions) if (!isTouch) this.#noteEnd(record);
    for (const job of jobs) {
      if (!this.#begun.has(job.id)) this.#begun.set(job.id, now);
      this.#judge(job);
    }
  }

  atRest(): void {
    for (const { reason, status } of this.database.jobs.values()) {
      if (status !== 'done' && status !== 'cancelled') this.violated(`${reason} is ${status} at the end`);
    }
  }

  #noteEnd(record: SessionRecord): void {
    const { endReason: reason, status, createdAt } = record;
    const job = [...this.database.jobs.values()].find((one) => one.reason === reason);
    if (job === undefined || reason === null || isLive(status)) return;
    this.#ended.set(reason, (this.#ended.get(reason) ?? 0) + 1);
    const who = `${reason} ends ${nameOf(record)}`;
    if (this.#cancelled.has(job.id)) this.violated(`${who} when it has been cancelled`);
    if (record.userId !== job.filter.userId || createdAt > job.createdAt)
      this.violated(`${who}, which it is not about`);
  }

  #judge(job: SimulatedJob): void {
    const ended = this.#ended.get(job.reason) ?? 0;
    if (job.changed !== ended) this.violated(`${job.reason} counts ${job.changed} and has ended ${ended}`);
    if (job.status !== 'done') return;
    const { database } = this;
    for (const record of database.rows.values()) {
      const wasThere = (database.history.get(record.id)?.[0]?.at ?? Infinity) < (this.#begun.get(job.id) ?? 0);
      const lives = isLive(record.status) && database.cutOffSince(record) === undefined;
      const isMeant = record.userId === job.filter.userId && record.createdAt <= job.createdAt;
      if (wasThere && isMeant && lives) this.violated(`${job.reason} is done, and ${nameOf(record)} lives`);
    }
  }
}
