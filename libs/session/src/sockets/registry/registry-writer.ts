import type { ConnectionEntry, ConnectionNode, ConnectionStore } from '../../store/connection-store.js';
import { storableText } from '../../store/storable-text.js';
import { within } from '../../sync/within.js';
import type { Connection } from '../connection.js';
import type { LocalConnections } from '../local-connections.js';

/** What has changed is written this often, where something has. */
const TURN_MS = 200;
/** And tried again this often where it could not be. */
const RETRY_MS = 1_000;
/** A few milliseconds of this process. */
const MOST_AT_ONCE = 500;
/** All connections are looked at for activity once in this many turns. */
const ROUND_TURNS = 25;
const LONGEST_NAMESPACE = 255;
/** What a shutdown waits for it. */
const LAST_WORD_WITHIN_MS = 500;

export interface RegistryWriterPorts {
  readonly store: ConnectionStore;
  readonly connections: LocalConnections;
  /** This process, as it is now. */
  readonly node: () => ConnectionNode;
  readonly goneAfterMs: () => number;
  readonly beatMs: () => number;
  readonly monotonic: () => number;
  readonly schedule: (task: () => void, delayMs: number) => () => void;
  /** Told once when nothing can be written, and once when all is written again. */
  readonly onLost: (error: unknown) => void;
  readonly onRestored: () => void;
  /** A connection of another node has that id. */
  readonly onRefused: (id: string) => void;
}

/** What an active connection changes, as it is written down. */
type Activity = Pick<ConnectionEntry, 'transport' | 'lastActiveAt'>;

/**
 * Writes down who is connected to this node, in batches and behind everything else. It keeps ids of what has changed and
 * no queue: where the store was away, or has lost what it had, everything is written again.
 */
export class RegistryWriter {
  /** Since the node began. */
  readonly counts = { refused: 0, failures: 0, rewrites: 0 };
  /** As the store has them. */
  readonly #written = new Map<string, Activity>();
  readonly #changed = new Set<string>();
  /** Of which another node has one of the same id. */
  readonly #refused = new Set<string>();
  #round: Iterator<[string, Activity]> | undefined;
  /** Whether the store is known to have `#written`. */
  #isInStep = false;
  #hasTakenOver = false;
  #isLost = false;
  #isStopped = false;
  #beatDueAt = 0;
  #turn: Promise<void> = Promise.resolve();
  #cancel: (() => void) | undefined;
  #stopObserving: (() => void) | undefined;

  constructor(private readonly ports: RegistryWriterPorts) {}

  start(): void {
    this.#stopObserving = this.ports.connections.observe((connection) => {
      this.changed(connection);
    });
    this.#next(0);
  }

  /** Forgets what it has written, where the store can be told in time; never rejects. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancel?.();
    this.#stopObserving?.();
    const forgotten = this.#turn.then(() => this.ports.store.forget(this.ports.node().id));
    await within(LAST_WORD_WITHIN_MS, forgotten).catch(() => undefined);
  }

  /** To be told of whatever changes of a connection that `LocalConnections` does not tell. */
  changed({ id }: Connection): void {
    if (this.#isInStep) this.#changed.add(id);
  }

  #next(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancel = this.ports.schedule(() => {
      this.#turn = this.#take();
    }, delayMs);
  }

  async #take(): Promise<void> {
    try {
      if (!this.#isInStep || this.ports.monotonic() >= this.#beatDueAt) await this.#beat();
      await this.#flush();
      if (this.#isLost) this.ports.onRestored();
      this.#isLost = false;
      this.#next(TURN_MS);
    } catch (error) {
      this.counts.failures += 1;
      this.#fallOut();
      if (!this.#isLost && !this.#isStopped) this.ports.onLost(error);
      this.#isLost = true;
      this.#next(Math.min(RETRY_MS, this.ports.beatMs()));
    }
  }

  async #beat(): Promise<void> {
    const { store, node, goneAfterMs, beatMs, monotonic, connections } = this.ports;
    this.#beatDueAt = monotonic() + beatMs();
    const stored = await store.beat(node(), goneAfterMs());
    if (!this.#hasTakenOver) await store.takeOver(node());
    this.#hasTakenOver = true;
    if (this.#isInStep && stored === this.#written.size) {
      // The other one may have gone meanwhile.
      for (const id of this.#refused) this.#changed.add(id);
      return;
    }
    this.#fallOut();
    if (stored > 0) await store.forget(node().id);
    this.counts.rewrites += 1;
    for (const { id } of connections.all()) this.#changed.add(id);
    this.#isInStep = true;
  }

  /** Knows nothing of the store any more; until it does, changes need not be remembered. */
  #fallOut(): void {
    this.#isInStep = false;
    this.#written.clear();
    this.#changed.clear();
    this.#refused.clear();
    this.#round = undefined;
  }

  async #flush(): Promise<void> {
    let active = this.#activity();
    // What changes meanwhile is for the next turn, which may have to give a sign of life first.
    for (let left = this.#changed.size; left > 0 || active.length > 0; left -= MOST_AT_ONCE) {
      if (this.#isStopped) return;
      const { removed, put } = this.#batch();
      if (removed.length + put.length + active.length > 0) await this.#write(removed, put, active);
      active = [];
    }
  }

  #batch(): { readonly removed: string[]; readonly put: ConnectionEntry[] } {
    const removed: string[] = [];
    const put: ConnectionEntry[] = [];
    for (const id of this.#changed) {
      if (removed.length + put.length === MOST_AT_ONCE) break;
      this.#changed.delete(id);
      const connection = this.ports.connections.get(id);
      if (connection !== undefined) put.push(entryOf(connection));
      else if (this.#written.has(id)) removed.push(id);
      else this.#refused.delete(id);
    }
    return { removed, put };
  }

  async #write(removed: string[], put: ConnectionEntry[], active: ConnectionEntry[]): Promise<void> {
    const { store, node, goneAfterMs, onRefused } = this.ports;
    const refused = new Set(await store.write(node(), { removed, put, active }, goneAfterMs()));
    for (const id of removed) this.#written.delete(id);
    for (const { id, transport, lastActiveAt } of active) this.#written.set(id, { transport, lastActiveAt });
    for (const { id, transport, lastActiveAt } of put) {
      if (!refused.has(id)) {
        this.#written.set(id, { transport, lastActiveAt });
        this.#refused.delete(id);
      } else {
        this.#written.delete(id);
        if (this.#refused.has(id)) continue;
        this.#refused.add(id);
        this.counts.refused += 1;
        onRefused(id);
      }
    }
  }

  /** Those of a part of all connections that were active since it was written down. */
  #activity(): ConnectionEntry[] {
    const active: ConnectionEntry[] = [];
    this.#round ??= this.#written.entries();
    for (let left = Math.ceil(this.#written.size / ROUND_TURNS); left > 0; left -= 1) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = undefined;
        break;
      }
      const [id, written] = next.value;
      const connection = this.ports.connections.get(id);
      if (connection === undefined || this.#changed.has(id)) continue;
      const { transport, lastActiveAt } = connection;
      if (transport === written.transport && Math.floor(lastActiveAt) === written.lastActiveAt) continue;
      active.push(entryOf(connection));
    }
    return active;
  }
}

/** As it is told, but for the node. */
export function entryOf(connection: Connection): ConnectionEntry {
  const { id, transport, namespace, address, connectedAt, lastActiveAt, credential, metadata } = connection;
  return {
    id,
    transport,
    // Where an application makes namespaces by a pattern, clients choose the name.
    namespace: storableText(namespace, LONGEST_NAMESPACE) ?? '',
    address,
    connectedAt: Math.floor(connectedAt),
    lastActiveAt: Math.floor(lastActiveAt),
    sessionId: credential?.sessionId ?? null,
    userId: credential?.userId ?? null,
    tenantId: credential?.tenantId ?? null,
    metadata,
  };
}
