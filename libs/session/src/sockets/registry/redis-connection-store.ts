import { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';
import type { RedisConnection, RedisOutcome } from '../../redis/redis-connection.js';
import type {
  ConnectionChanges,
  ConnectionEntry,
  ConnectionNode,
  ConnectionSearch,
  ConnectionStore,
  NodeConnections,
  StoredConnection,
} from '../../store/connection-store.js';
import { literalPrefix, matchesPattern } from '../../store/id-pattern.js';
import * as scripts from './redis-scripts.js';

/** So much at a time that a call does not hold up Redis, nor outlast its deadline. */
const MOST_CHANGES = 200;
const MOST_LISTED = 500;
const RETRY_AFTER_SECONDS = 1;

/** Who can write to Redis can put anything there; what is no connection is told of nowhere. */
const ENTRY: z.ZodType<ConnectionEntry> = z.object({
  id: z.string(),
  transport: z.string(),
  namespace: z.string(),
  address: z.string().nullable(),
  connectedAt: z.number(),
  lastActiveAt: z.number(),
  sessionId: z.string().nullable(),
  userId: z.string().nullable(),
  tenantId: z.string().nullable(),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

/**
 * Who is connected, in Redis. What belongs to a node runs out with its signs of life; Redis that was emptied is filled
 * again, as every store of connections is.
 */
export class RedisConnectionStore implements ConnectionStore {
  readonly #prefix: string;

  constructor(
    private readonly redis: Pick<RedisConnection, 'call'>,
    { namespace }: { readonly namespace: string },
  ) {
    this.#prefix = `${namespace}:c:`;
  }

  async beat({ id, name }: ConnectionNode, goneAfterMs: number): Promise<number> {
    return Number(await this.#run(scripts.BEAT, id, goneAfterMs, name));
  }

  async takeOver({ id, name }: ConnectionNode): Promise<void> {
    await this.#run(scripts.TAKE_OVER, id, 0, name);
  }

  async forget(nodeId: string): Promise<void> {
    await this.#run(scripts.FORGET, nodeId, 0);
  }

  async write(
    { id: nodeId }: ConnectionNode,
    { removed, put, active }: ConnectionChanges,
    goneAfterMs: number,
  ): Promise<readonly string[]> {
    const changes = [
      ...removed.map((id) => ['r', id]),
      ...put.map((entry) => ['p', entry.id, JSON.stringify(entry)]),
      ...active.map((entry) => ['a', entry.id, JSON.stringify(entry)]),
    ];
    const refused: string[] = [];
    for (let from = 0; from < changes.length; from += MOST_CHANGES) {
      const some = changes.slice(from, from + MOST_CHANGES).flat();
      refused.push(...textsOf(await this.#run(scripts.WRITE, nodeId, goneAfterMs, ...some)));
    }
    return refused;
  }

  async find(id: string, goneAfterMs: number): Promise<StoredConnection | undefined> {
    return pairsOf(await this.#run(scripts.FIND, '', goneAfterMs, id)).flatMap(connectionsOf)[0];
  }

  ofUser(tenantId: string | null, userId: string, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    return this.#findBy(`u${tenantId ?? ''}\0${userId}\0`, goneAfterMs);
  }

  ofSession(sessionId: string, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    return this.#findBy(`s${sessionId}\0`, goneAfterMs);
  }

  async list(search: ConnectionSearch, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    const found: StoredConnection[] = [];
    for (const [member] of pairsOf(await this.#run(scripts.COUNT, '', goneAfterMs))) {
      const { name } = nodeOf(member);
      if (search.node === undefined || search.node === name) found.push(...(await this.#listOf(member, search)));
    }
    return found.sort((a, b) => compareBytes(a.id, b.id)).slice(0, search.limit);
  }

  async count(goneAfterMs: number): Promise<readonly NodeConnections[]> {
    const counts = new Map<string, number>();
    for (const [member, count] of pairsOf(await this.#run(scripts.COUNT, '', goneAfterMs))) {
      const { name } = nodeOf(member);
      if (count !== '0') counts.set(name, (counts.get(name) ?? 0) + Number(count));
    }
    const sorted = [...counts].sort(([a], [b]) => compareBytes(a, b));
    return sorted.map(([name, connections]) => ({ name, connections }));
  }

  async #findBy(prefix: string, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    const found = pairsOf(await this.#run(scripts.FIND_BY, '', goneAfterMs, prefix)).flatMap(connectionsOf);
    return found.sort((a, b) => a.connectedAt - b.connectedAt || compareBytes(a.id, b.id));
  }

  /** Of one node: as many as are wanted of all. */
  async #listOf(member: string, { idPattern = '*', after, limit }: ConnectionSearch): Promise<StoredConnection[]> {
    const found: StoredConnection[] = [];
    const most = idPattern === '*' ? limit : MOST_LISTED;
    const { nodeId } = nodeOf(member);
    for (let last = after ?? ''; ;) {
      const texts = textsOf(await this.#run(scripts.LIST, nodeId, 0, last, literalPrefix(idPattern), String(most)));
      const page = texts.flatMap((json) => connectionsOf([member, json]));
      found.push(...page.filter(({ id }) => matchesPattern(idPattern, id)));
      const next = page.at(-1)?.id;
      if (texts.length < most || next === undefined || found.length >= limit) return found;
      last = next;
    }
  }

  /** @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` */
  async #run(script: scripts.RedisScript, nodeId: string, goneAfterMs: number, ...args: string[]): Promise<unknown> {
    const all = ['0', this.#prefix, nodeId, String(goneAfterMs), ...args];
    let outcome = await this.redis.call(['EVALSHA', script.sha, ...all]);
    // Scripts go with a restart, a fail-over and SCRIPT FLUSH.
    if (outcome.kind === 'error' && outcome.code === 'NOSCRIPT') {
      outcome = await this.redis.call(['EVAL', script.source, ...all]);
    }
    if (outcome.kind === 'reply') return outcome.value;
    throw unavailable(outcome);
  }
}

function unavailable(outcome: Exclude<RedisOutcome, { readonly kind: 'reply' }>): IdentitySessionError {
  const why = outcome.kind === 'error' ? outcome.code : outcome.kind;
  return new IdentitySessionError(
    'SESSION_STORE_UNAVAILABLE',
    `Redis did not answer who is connected (${why}). Try again.`,
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

function textsOf(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}

function pairsOf(reply: unknown): [string, string][] {
  const texts = textsOf(reply);
  return texts.flatMap((text, at) => (at % 2 === 0 ? [[text, texts[at + 1] ?? ''] as [string, string]] : []));
}

function nodeOf(member: string): { readonly nodeId: string; readonly name: string } {
  return { nodeId: member.slice(0, 36), name: member.slice(37) };
}

/** One, or none where the text is no connection. */
function connectionsOf([member, json]: readonly [string, string]): StoredConnection[] {
  const parsed = ENTRY.safeParse(parseJson(json));
  if (!parsed.success) return [];
  const { nodeId, name: node } = nodeOf(member);
  return [{ ...parsed.data, nodeId, node }];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
