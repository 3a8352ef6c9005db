import type { TokenReference } from './history.js';

/** What a client was told before its connection was closed. */
export interface Kick {
  readonly at: number;
  readonly session: string;
  readonly code: string;
  readonly reason: string;
}

/** One connection that a node has let in, from then on; times on the clock of the run, as the client saw it. */
export interface SocketRecord {
  /** Of the operation that opened it. */
  readonly id: number;
  readonly node: string;
  readonly user: string;
  readonly token: TokenReference;
  readonly joined: number;
  /** Events of the application. */
  received: number;
  lastReceived: { readonly name: string; readonly at: number } | null;
  /** When the last question was sent that the application has answered. */
  lastAnsweredAsk: number | null;
  /** Whom a message was for that came here and should not have. */
  strayed: string | null;
  kick: Kick | null;
  closed: { readonly at: number; readonly why: string; readonly byClient: boolean } | null;
}

/** A server's process as it is told of by the others. */
export interface CountedNode {
  readonly name: string;
  /** In milliseconds of the system's clock. */
  readonly startedAt: number;
  readonly connections: number;
}

/** Who was connected behind the quiet period. */
export interface SocketCensus {
  readonly at: number;
  /** By `SocketRecord.id`. */
  readonly open: readonly number[];
  /** What `GET /admin/stats` said then; `null` where it said nothing. */
  readonly nodes: readonly CountedNode[] | null;
}

/** What a process that was killed has left is told of for a while: of each name the newest counts. */
export function sumOf(nodes: readonly CountedNode[]): number {
  const newest = new Map<string, CountedNode>();
  for (const node of nodes) {
    if ((newest.get(node.name)?.startedAt ?? -Infinity) < node.startedAt) newest.set(node.name, node);
  }
  return [...newest.values()].reduce((sum, { connections }) => sum + connections, 0);
}

/** The record of all connections. Only ever grows. */
export class SocketHistory {
  readonly #records: SocketRecord[] = [];

  get records(): readonly SocketRecord[] {
    return this.#records;
  }

  get open(): readonly SocketRecord[] {
    return this.#records.filter(({ closed }) => closed === null);
  }

  append(joined: Pick<SocketRecord, 'id' | 'node' | 'user' | 'token' | 'joined'>): SocketRecord {
    const record = {
      ...joined,
      received: 0,
      lastReceived: null,
      lastAnsweredAsk: null,
      strayed: null,
      kick: null,
      closed: null,
    };
    this.#records.push(record);
    return record;
  }
}
