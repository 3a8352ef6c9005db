import { createHash } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { IdentitySessionError } from 'nestjs-identity-session';
import type pg from 'pg';
import { RateLimiterPostgres, type RateLimiterRes } from 'rate-limiter-flexible';
import type { DataSource } from 'typeorm';
import { SERVER_CONFIG } from '../config/server-config.token.js';
import type { ServerConfig } from '../config/server-config.js';
import { onDatabase } from '../database/database-errors.js';
import { clientNetwork } from './client-network.js';
import type { Allowance } from './rate-limit-headers.js';

const WINDOW_SECONDS = 15 * 60;
const CLEANUP_INTERVAL_MS = 5 * 60_000;

/** An account, existing or not, as it is tried from one address. */
export interface SignInTarget {
  readonly emailKey: string;
  readonly address: string | null;
  /** Told what is left, whenever it is known; not at all where there is no limit. */
  readonly onAllowance?: ((allowance: Allowance) => void) | undefined;
}

/**
 * Bounds failed sign-ins per account and address, for all nodes together, in a window that begins with the first
 * attempt. However many guesses run in parallel, no more than the limit are answered with anything but 429: each one,
 * right or wrong, settles with one atomic statement on its counter, and only the first `limit` places are told how they
 * ended. Points are not reserved beforehand, because then a user who signs in on many devices at once would be refused.
 */
@Injectable()
export class SignInLimiter implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #limit: number;
  readonly #limiter: RateLimiterPostgres;
  #cleanup: NodeJS.Timeout | undefined;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(SERVER_CONFIG) config: ServerConfig,
  ) {
    this.#limit = config.signInLimit;
    this.#limiter = new RateLimiterPostgres({
      storeClient: storeOn(dataSource),
      storeType: 'pool',
      tableName: 'sign_in_failure',
      tableCreated: true,
      keyPrefix: '',
      points: this.#limit,
      duration: WINDOW_SECONDS,
      clearExpiredByTimeout: false,
    });
  }

  onApplicationBootstrap(): void {
    this.#cleanup = setInterval(() => {
      // What could not be removed now is removed the next time.
      this.dataSource.query('DELETE FROM sign_in_failure WHERE expire < $1', [Date.now()]).catch(() => undefined);
    }, CLEANUP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#cleanup);
  }

  /**
   * Saves the work of checking a password whose answer would be 429 anyway.
   * @throws IdentitySessionError `TOO_MANY_REQUESTS`
   */
  async refuseWhenSpent(target: SignInTarget): Promise<void> {
    if (this.#limit === 0) return;
    const state = await onDatabase(() => this.#limiter.get(keyOf(target)));
    if (state !== null) this.#tell(target, state);
    if (state !== null && state.consumedPoints >= this.#limit) throw tooMany(state.msBeforeNext);
  }

  /**
   * Counts a failure, or finds the place of a success; to be awaited before the outcome is told or acted on.
   * @throws IdentitySessionError `TOO_MANY_REQUESTS` where the limit was reached before this attempt
   */
  async settle(target: SignInTarget, outcome: 'failed' | 'succeeded'): Promise<void> {
    if (this.#limit === 0) return;
    const points = outcome === 'failed' ? 1 : 0;
    const state = await onDatabase(() => this.#limiter.penalty(keyOf(target), points));
    this.#tell(target, state);
    if (state.consumedPoints - points >= this.#limit) throw tooMany(state.msBeforeNext);
  }

  #tell({ onAllowance }: SignInTarget, { consumedPoints, msBeforeNext }: RateLimiterRes): void {
    onAllowance?.({
      limit: this.#limit,
      windowSeconds: WINDOW_SECONDS,
      remaining: Math.max(0, this.#limit - consumedPoints),
      resetSeconds: secondsOf(msBeforeNext),
    });
  }
}

/** Emails and addresses do not lie around in this table, and any of them fits. */
function keyOf({ emailKey, address }: SignInTarget): string {
  const network = address === null ? 'unknown' : clientNetwork(address);
  return createHash('sha256').update(`${network} ${emailKey}`).digest('hex');
}

function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

function tooMany(msBeforeNext: number): IdentitySessionError {
  return new IdentitySessionError(
    'TOO_MANY_REQUESTS',
    'Too many failed attempts for this account. Wait before the next one.',
    { retryAfterSeconds: secondsOf(msBeforeNext) },
  );
}

/**
 * Runs the limiter's statements so that they hold anywhere: unnamed, since named ones do not survive a transaction
 * pooler, and as READ COMMITTED, since under a stricter default parallel attempts on one counter fail.
 */
function storeOn(dataSource: DataSource): object {
  const { master } = dataSource.driver as unknown as { master: pg.Pool };
  return {
    query: async ({ text, values }: pg.QueryConfig) => {
      const client = await master.connect();
      let failure: Error | undefined;
      // The pool listens to idle clients only: a connection that breaks in use would end the process.
      client.on('error', noteNothing);
      try {
        await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
        const result = await client.query(text, values);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        failure = error as Error;
        throw error;
      } finally {
        // A connection on which something failed may still be inside its transaction: it is not used again.
        client.off('error', noteNothing);
        client.release(failure);
      }
    },
  };
}

/** The statement that was under way fails by itself. */
const noteNothing = (): void => undefined;
