import { AsyncLocalStorage } from 'node:async_hooks';
import { hash, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import type { SessionSubject } from '../../core/session.js';
import { isSessionId } from '../../core/token.js';
import { keepsLocks, type LockStore } from '../../store/lock-store.js';
import { storableIdentifier } from '../../store/storable-text.js';
import type { SessionOrId } from '../data/session-data.service.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { Turns } from '../../store/turns.js';
import { type HeldLock, LeaseKeeper, type LeaseTerms, type LossReason } from './held-lock.js';

export interface LockOptions {
  /** How long to wait for somebody else; 0 does not wait. Default 5 000. */
  readonly waitMs?: number;
  /** The longest that the work may take under the lock. Default 30 000. */
  readonly holdMs?: number;
}

const LONGEST_HOLD_MS = 86_400_000;
const FIRST_PAUSE_MS = 15;
const LONGEST_PAUSE_MS = 200;
/** Seconds that a client is told to wait while others hold a lock. */
const RETRY_AFTER_SECONDS = 1;
/** Statements of those who wait at once, so that they leave connections to everybody else. */
const MOST_ASKING = 2;
/** Who does not want to wait for a lock waits so long to ask for it, where others of this node are asking. */
const LEAST_PATIENCE_MS = 500;

/** The locks that whoever runs has taken, innermost first. */
interface Chain {
  readonly key: string;
  readonly outer: Chain | undefined;
  isHeld: boolean;
}

/**
 * Mutual exclusion over all nodes, for what an application does to a session or a user. A lock is a lease in the
 * database: it takes no connection while it is held or waited for, so that any pooler and any pool will do, and what the
 * work itself does with sessions never waits for it, sign-ins of the same user included. Those who wait on one node
 * follow each other; between nodes nobody is next in particular.
 *
 * The lock is given back when the work settles. When its process dies, it is free after `locks.leaseMs`.
 */
@Injectable()
export class SessionLocks {
  readonly #turns = new Turns();
  readonly #asking = new Turns();
  readonly #chain = new AsyncLocalStorage<Chain>();
  readonly #leaseMs: number;
  readonly #monotonic: () => number;
  #asked = 0;

  constructor(
    @Inject(SESSION_STORE) private readonly store: object,
    @Inject(RESOLVED_OPTIONS) options: Pick<ResolvedOptions, 'locks' | 'clocks'>,
  ) {
    this.#leaseMs = options.locks.leaseMs;
    this.#monotonic = () => options.clocks.monotonic();
  }

  /**
   * Runs `work` while nobody else does under the lock of the session. Whether there is such a session is not asked.
   *
   * @throws IdentitySessionError `LOCK_NOT_ACQUIRED` where others have held it for `waitMs`, and the work has not begun;
   * `LOCK_LOST` where the work took longer than `holdMs`, or the lease could not be renewed: the work is told by its
   * `signal`, and whatever becomes of it then, the answer is this; `LOCK_REENTERED` from within work under the same lock,
   * which would wait for itself; `SESSION_STORE_UNAVAILABLE`; `VALIDATION_FAILED`
   */
  withSessionLock<T>(
    session: SessionOrId,
    work: (lock: HeldLock) => T | Promise<T>,
    options: LockOptions = {},
  ): Promise<T> {
    const id = typeof session === 'string' ? session : session.id;
    if (!isSessionId(id)) return Promise.reject(refused('id', 'is no id of a session'));
    return this.#with(`session:${id}`, work, options);
  }

  /**
   * Runs `work` while nobody else does under the lock of the user.
   * @throws as `withSessionLock`
   */
  async withUserLock<T>(
    { tenantId, userId }: SessionSubject,
    work: (lock: HeldLock) => T | Promise<T>,
    options: LockOptions = {},
  ): Promise<T> {
    const tenant = tenantId === null ? '' : storableIdentifier(tenantId, 'tenantId');
    // By a hash, so that the table of locks has nobody's name in it.
    const subject = hash('sha256', `${tenant.length}:${tenant}:${storableIdentifier(userId, 'userId')}`, 'base64url');
    return this.#with(`user:${subject}`, work, options);
  }

  async #with<T>(
    key: string,
    work: (lock: HeldLock) => T | Promise<T>,
    { waitMs = 5_000, holdMs = 30_000 }: LockOptions,
  ): Promise<T> {
    const store = lockStoreOf(this.store);
    if (!isWithin(waitMs, 0)) throw refused('waitMs', `must be whole milliseconds from 0 to ${LONGEST_HOLD_MS}`);
    if (!isWithin(holdMs, 1)) throw refused('holdMs', `must be whole milliseconds from 1 to ${LONGEST_HOLD_MS}`);
    const outer = this.#chain.getStore();
    for (let lock = outer; lock !== undefined; lock = lock.outer) {
      if (lock.key === key && lock.isHeld) throw reentered(key);
    }
    const deadline = this.#monotonic() + waitMs;
    const endTurn = await this.#turns.take(key, waitMs);
    if (endTurn === undefined) throw notAcquired(key, waitMs);
    const terms = { key, holder: randomUUID(), leaseMs: this.#leaseMs, holdMs };
    // Unknown until it is answered: a lock whose answer was lost is to be given back too.
    let lease: LeaseKeeper | 'unknown' | undefined = 'unknown';
    try {
      lease = await this.#acquire(store, terms, deadline);
      if (lease === undefined) throw notAcquired(key, waitMs);
      return await this.#run(lease, { key, outer, isHeld: true }, work);
    } finally {
      // What cannot be given back is free when its lease is over.
      if (lease !== undefined) await store.releaseLock(key, terms.holder).catch(() => undefined);
      endTurn();
    }
  }

  async #run<T>(lease: LeaseKeeper, chain: Chain, work: (lock: HeldLock) => T | Promise<T>): Promise<T> {
    try {
      const result = await Promise.race([this.#chain.run(chain, async () => work(lease)), lease.lost]);
      lease.confirm();
      return result;
    } finally {
      chain.isHeld = false;
      lease.stop();
    }
  }

  /** Asks until the lock is free or the deadline over; `undefined` then. */
  async #acquire(store: LockStore, terms: LeaseTerms, deadline: number): Promise<LeaseKeeper | undefined> {
    const { key, holder, leaseMs, holdMs } = terms;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.5)) {
      this.#asked = (this.#asked + 1) % MOST_ASKING;
      const endAsking = await this.#asking.take(
        String(this.#asked),
        Math.max(deadline - this.#monotonic(), LEAST_PATIENCE_MS),
      );
      if (endAsking === undefined) return undefined;
      const askedAt = this.#monotonic();
      const token = await store.acquireLock(key, holder, Math.min(leaseMs, holdMs)).finally(endAsking);
      if (token !== undefined) {
        const lossOf = (reason: LossReason) => lostTo(reason, key, holdMs);
        return new LeaseKeeper(token, askedAt, terms, store, this.#monotonic, lossOf);
      }
      const leftMs = deadline - this.#monotonic();
      if (leftMs <= 0) return undefined;
      await pause(Math.min(leftMs, pauseMs * (0.5 + Math.random())));
    }
  }
}

function lockStoreOf(store: object): LockStore {
  if (keepsLocks(store)) return store;
  throw new IdentitySessionError('CONFIGURATION_INVALID', 'The store of this application has no locks.');
}

function isWithin(ms: number, least: number): boolean {
  return Number.isInteger(ms) && ms >= least && ms <= LONGEST_HOLD_MS;
}

function refused(field: string, message: string): IdentitySessionError {
  return new IdentitySessionError('VALIDATION_FAILED', `${field} ${message}.`, { errors: [{ field, message }] });
}

function notAcquired(key: string, waitMs: number): IdentitySessionError {
  return new IdentitySessionError(
    'LOCK_NOT_ACQUIRED',
    `Others have held the lock "${key}" for ${waitMs} ms. Nothing was done; try again.`,
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

function reentered(key: string): IdentitySessionError {
  return new IdentitySessionError(
    'LOCK_REENTERED',
    `Work under the lock "${key}" asked for the same lock and would wait for itself. Take it once, outside.`,
  );
}

function lostTo(reason: LossReason, key: string, holdMs: number): IdentitySessionError {
  const why =
    reason === 'hold_time_over'
      ? `the work took longer than ${holdMs} ms; give it more by holdMs`
      : 'the database could not be asked to renew it in time';
  return new IdentitySessionError('LOCK_LOST', `The lock "${key}" was lost: ${why}. The work may be half done.`);
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
