import { type Cache, createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { LRUCache } from 'lru-cache';
import type { CachedSession } from './cached-session.js';
import type { SessionCache } from './session-cache.js';

export interface MemorySessionCacheOptions {
  /** The most sessions that are kept. */
  readonly maxSessions: number;
  /** The most memory that they may take, estimated, in bytes. */
  readonly maxBytes: number;
}

/** An entry, its record and its place in the map, without the texts that vary. */
const ENTRY_BYTES = 700;

/**
 * The memory level: least recently used sessions go first, bounded by count and bytes, nothing is serialised.
 * `manager` is the same storage behind the interface of cache-manager, for inspection and for levels to come; its
 * methods return promises, which is why the request path does not use them.
 */
export class MemorySessionCache implements SessionCache {
  readonly manager: Cache;
  readonly #entries: LRUCache<string, CachedSession>;

  constructor(options: MemorySessionCacheOptions) {
    this.#entries = new LRUCache({
      max: options.maxSessions,
      maxSize: options.maxBytes,
      sizeCalculation: estimateBytes,
    });
    const keyv = new Keyv({ store: this.#keyvStore() });
    // Without serialisation the very same objects come back.
    keyv.serialize = undefined;
    keyv.deserialize = undefined;
    this.manager = createCache({ stores: [keyv] });
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): CachedSession | undefined {
    return this.#entries.get(id);
  }

  put(entry: CachedSession): CachedSession {
    const { id, version } = entry.record;
    const present = this.#entries.peek(id);
    if (present !== undefined && present.record.version > version) return present;
    this.#entries.set(id, entry);
    return entry;
  }

  delete(id: string): void {
    this.#entries.delete(id);
  }

  clear(): void {
    this.#entries.clear();
  }

  #keyvStore() {
    return {
      get: (key: string) => {
        const entry = this.#entries.peek(keyOf(key));
        return entry === undefined ? undefined : { value: entry };
      },
      set: (_key: string, { value }: { value: CachedSession }) => {
        this.put(value);
      },
      delete: (key: string) => this.#entries.delete(keyOf(key)),
      clear: () => {
        this.clear();
      },
    };
  }
}

/** Keyv puts its namespace before the key. */
function keyOf(key: string): string {
  return key.slice(key.lastIndexOf(':') + 1);
}

function estimateBytes({ record }: CachedSession): number {
  const texts = [record.userId, record.userAgent, record.deviceName, record.location, ...record.scopeKeys];
  let characters = 0;
  for (const text of texts) characters += text?.length ?? 0;
  const data = Object.keys(record.data).length === 0 ? 0 : JSON.stringify(record.data).length;
  return ENTRY_BYTES + 2 * (characters + data);
}
