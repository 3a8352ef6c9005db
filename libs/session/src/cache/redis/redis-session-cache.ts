import { createHash } from 'node:crypto';
import { isSessionId } from '../../core/token.js';
import { Breaker } from '../../redis/breaker.js';
import type { RedisConnection, RedisOutcome } from '../../redis/redis-connection.js';
import type { SharedSession, SharedSessionCache } from '../shared-session-cache.js';
import { FORMAT, MOST_BYTES, type Refusal, type SharedSessionCodec } from './shared-session-codec.js';

export interface RedisSessionCacheOptions {
  /** What the keys begin with. */
  readonly namespace: string;
}

export interface RedisSessionCachePorts {
  readonly redis: Pick<RedisConnection, 'call'>;
  readonly codec: SharedSessionCodec;
  readonly monotonic: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** Writes that have not been answered; more are dropped. */
const MOST_WRITES = 5_000;

/** Keeps what is there if it is of a higher version, or of the same and as of no earlier; whatever else is there goes. */
const PUT_IF_NEWER = `
local present = redis.pcall('GETRANGE', KEYS[1], 0, 63)
if type(present) == 'string' then
  local version, asOf = string.match(present, '^${FORMAT} (%d+) ([%d.]+) ')
  version, asOf = tonumber(version or ''), tonumber(asOf or '')
  local newVersion, newAsOf = tonumber(ARGV[1]), tonumber(ARGV[2])
  if version and asOf and (version > newVersion or (version == newVersion and asOf >= newAsOf)) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1`;
const PUT_IF_NEWER_SHA = createHash('sha1').update(PUT_IF_NEWER).digest('hex');

/**
 * The shared level in Redis: one key for each session. Redis that is away, slow, full, read-only, emptied or filled with
 * something else by somebody else means that nothing is found, after a deadline at the latest; and after a failure at
 * once, for a while.
 */
export class RedisSessionCache implements SharedSessionCache {
  /** Since the node began. */
  readonly counts = {
    hits: 0,
    misses: 0,
    /** What was found and not believed. */
    refused: { type: 0, oversize: 0, format: 0, malformed: 0, foreign: 0, unauthenticated: 0 },
    /** Reads and writes that were answered with an error or cut off. */
    failures: 0,
    timeouts: 0,
    /** Reads and writes that were not tried. */
    skipped: 0,
    writes: 0,
  };
  readonly #reads: Breaker;
  readonly #writes: Breaker;
  #writing = 0;

  constructor(
    private readonly options: RedisSessionCacheOptions,
    private readonly ports: RedisSessionCachePorts,
  ) {
    this.#reads = new Breaker(ports.monotonic, ports.random);
    this.#writes = new Breaker(ports.monotonic, ports.random);
  }

  async get(id: string): Promise<SharedSession | undefined> {
    if (!isSessionId(id)) return undefined;
    if (!this.#reads.admits()) {
      this.counts.skipped += 1;
      return undefined;
    }
    const key = this.#keyOf(id);
    // Of a value that is too long, no more than tells so.
    const outcome = await this.ports.redis.call(['GETRANGE', key, '0', String(MOST_BYTES)]);
    if (outcome.kind === 'error' && outcome.code === 'WRONGTYPE') {
      this.#refuse(key, 'type');
      return undefined;
    }
    this.#settled(outcome, this.#reads);
    if (outcome.kind !== 'reply' || typeof outcome.value !== 'string') return undefined;
    // What is absent is as empty as what was emptied.
    if (outcome.value === '') {
      this.counts.misses += 1;
      return undefined;
    }
    const found = this.ports.codec.decode(id, outcome.value);
    if (typeof found === 'string') {
      this.#refuse(key, found);
      return undefined;
    }
    this.counts.hits += 1;
    return found;
  }

  put(session: SharedSession, lifetimeMs: number): void {
    const value = this.#writing < MOST_WRITES ? this.ports.codec.encode(session) : undefined;
    if (value === undefined || !this.#writes.admits()) {
      this.counts.skipped += 1;
      return;
    }
    const { record, asOf } = session;
    const lifetime = String(Math.max(1, Math.ceil(lifetimeMs)));
    void this.#write([this.#keyOf(record.id), String(record.version), String(asOf), value, lifetime]);
  }

  async #write(args: readonly string[]): Promise<void> {
    this.#writing += 1;
    let outcome = await this.ports.redis.call(['EVALSHA', PUT_IF_NEWER_SHA, '1', ...args]);
    // Scripts go with a restart, a fail-over and SCRIPT FLUSH.
    if (outcome.kind === 'error' && outcome.code === 'NOSCRIPT') {
      outcome = await this.ports.redis.call(['EVAL', PUT_IF_NEWER, '1', ...args]);
    }
    this.#writing -= 1;
    if (outcome.kind === 'reply') this.counts.writes += 1;
    this.#settled(outcome, this.#writes);
  }

  /** A server that answers with errors (loading, full, read-only, not permitted) does so for a while. */
  #settled(outcome: RedisOutcome, breaker: Breaker): void {
    if (outcome.kind === 'reply') breaker.succeeded();
    else if (outcome.kind === 'error') breaker.failed();
    if (outcome.kind === 'timeout') this.counts.timeouts += 1;
    else if (outcome.kind === 'skipped') this.counts.skipped += 1;
    else if (outcome.kind !== 'reply') this.counts.failures += 1;
  }

  /** Nobody can use it, and it may claim to be newer than whatever would take its place. */
  #refuse(key: string, why: Refusal | 'type'): void {
    this.counts.refused[why] += 1;
    void this.ports.redis.call(['UNLINK', key]);
  }

  /** Braces put it in one slot of a cluster by its id. */
  #keyOf(id: string): string {
    return `${this.options.namespace}:s${FORMAT}:{${id}}`;
  }
}
