import { type Clock, systemClock } from '../../core/clock.js';
import type {
  ConnectionChanges,
  ConnectionEntry,
  ConnectionNode,
  ConnectionSearch,
  ConnectionStore,
  NodeConnections,
  StoredConnection,
} from '../connection-store.js';
import { matchesPattern } from '../id-pattern.js';

interface NodeState {
  readonly name: string;
  seenAt: number;
  readonly entries: Map<string, ConnectionEntry>;
}

/** Who is connected, in memory: of the nodes that are given the same one. */
export class InMemoryConnectionStore implements ConnectionStore {
  readonly #nodes = new Map<string, NodeState>();

  constructor(private readonly clock: Clock = systemClock) {}

  beat({ id, name }: ConnectionNode, goneAfterMs: number): Promise<number> {
    const node = this.#nodeOf(id, name);
    node.seenAt = this.clock.now();
    for (const [other, state] of this.#nodes) if (!this.#lives(state, goneAfterMs)) this.#nodes.delete(other);
    return Promise.resolve(node.entries.size);
  }

  takeOver({ id, name }: ConnectionNode): Promise<void> {
    for (const [other, state] of this.#nodes) if (other !== id && state.name === name) this.#nodes.delete(other);
    return Promise.resolve();
  }

  forget(nodeId: string): Promise<void> {
    this.#nodes.get(nodeId)?.entries.clear();
    return Promise.resolve();
  }

  write(
    { id: nodeId, name }: ConnectionNode,
    { removed, put, active }: ConnectionChanges,
    goneAfterMs: number,
  ): Promise<readonly string[]> {
    const { entries } = this.#nodeOf(nodeId, name);
    for (const id of removed) entries.delete(id);
    for (const { id, transport, lastActiveAt } of active) {
      const present = entries.get(id);
      if (present !== undefined) entries.set(id, { ...present, transport, lastActiveAt });
    }
    const refused: string[] = [];
    for (const entry of put) {
      const owner = [...this.#nodes].find(([other, state]) => other !== nodeId && state.entries.has(entry.id));
      if (owner !== undefined && this.#lives(owner[1], goneAfterMs)) refused.push(entry.id);
      else {
        owner?.[1].entries.delete(entry.id);
        entries.set(entry.id, structuredClone(entry));
      }
    }
    return Promise.resolve(refused);
  }

  find(id: string, goneAfterMs: number): Promise<StoredConnection | undefined> {
    return Promise.resolve(this.#living(goneAfterMs).find((connection) => connection.id === id));
  }

  ofUser(tenantId: string | null, userId: string, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    const own = this.#living(goneAfterMs).filter((c) => c.userId === userId && c.tenantId === tenantId);
    return Promise.resolve(own.sort(byConnection));
  }

  ofSession(sessionId: string, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    const own = this.#living(goneAfterMs).filter((connection) => connection.sessionId === sessionId);
    return Promise.resolve(own.sort(byConnection));
  }

  list({ node, idPattern, after, limit }: ConnectionSearch, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    const found = this.#living(goneAfterMs).filter(
      (connection) =>
        (node === undefined || connection.node === node) &&
        (idPattern === undefined || matchesPattern(idPattern, connection.id)) &&
        (after === null || compareBytes(connection.id, after) > 0),
    );
    return Promise.resolve(found.sort((a, b) => compareBytes(a.id, b.id)).slice(0, limit));
  }

  count(goneAfterMs: number): Promise<readonly NodeConnections[]> {
    const counts = new Map<string, number>();
    for (const { node } of this.#living(goneAfterMs)) counts.set(node, (counts.get(node) ?? 0) + 1);
    const sorted = [...counts].sort(([a], [b]) => compareBytes(a, b));
    return Promise.resolve(sorted.map(([name, connections]) => ({ name, connections })));
  }

  #nodeOf(id: string, name: string): NodeState {
    let node = this.#nodes.get(id);
    if (node === undefined) {
      node = { name, seenAt: Number.NEGATIVE_INFINITY, entries: new Map() };
      this.#nodes.set(id, node);
    }
    return node;
  }

  #lives({ seenAt }: NodeState, goneAfterMs: number): boolean {
    return seenAt > this.clock.now() - goneAfterMs;
  }

  #living(goneAfterMs: number): StoredConnection[] {
    return [...this.#nodes].flatMap(([nodeId, state]) =>
      this.#lives(state, goneAfterMs)
        ? Array.from(state.entries.values(), (entry) => ({ ...structuredClone(entry), nodeId, node: state.name }))
        : [],
    );
  }
}

/** In the order in which they connected. */
function byConnection(a: StoredConnection, b: StoredConnection): number {
  return a.connectedAt - b.connectedAt || compareBytes(a.id, b.id);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
