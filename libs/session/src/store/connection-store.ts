/** A socket of one namespace, wherever it is connected. Times are milliseconds on the database's clock. */
export interface ConnectionRecord {
  readonly id: string;
  /** The name of the node that it is connected to. */
  readonly node: string;
  readonly transport: string;
  readonly namespace: string;
  readonly address: string | null;
  readonly connectedAt: number;
  /** When a message of the client last came. */
  readonly lastActiveAt: number;
  /** Whose it is; all `null` for one that nobody has authenticated. */
  readonly sessionId: string | null;
  readonly userId: string | null;
  readonly tenantId: string | null;
  readonly metadata: ConnectionMetadata;
}

/** What the application keeps with a connection. Small: it is stored where the registry is. */
export type ConnectionMetadata = Readonly<Record<string, string | number | boolean | null>>;

/** What a node writes down of a connection of its own. */
export type ConnectionEntry = Omit<ConnectionRecord, 'node'>;

/** A connection as it is written down. */
export interface StoredConnection extends ConnectionRecord {
  /** The process that has written it. */
  readonly nodeId: string;
}

/** A process that serves connections. */
export interface ConnectionNode {
  /** Of the process, since two may have one name. */
  readonly id: string;
  readonly name: string;
  readonly uptimeMs: number;
  readonly connections: number;
}

/** What has changed on a node since it wrote last. No id is in two of the lists. */
export interface ConnectionChanges {
  readonly removed: readonly string[];
  /** New ones, and those of which anything has changed but for what follows. */
  readonly put: readonly ConnectionEntry[];
  /** Those of which only `transport` and `lastActiveAt` have changed; one that is not written down is left out. */
  readonly active: readonly ConnectionEntry[];
}

export interface ConnectionSearch {
  /** The name of a node. */
  readonly node?: string | undefined;
  /** `*` stands for any text and `?` for one character. */
  readonly idPattern?: string | undefined;
  /** The last id of the page before. */
  readonly after: string | null;
  readonly limit: number;
}

/** How many connections a node has. */
export interface NodeConnections {
  readonly name: string;
  readonly connections: number;
}

/**
 * Where nodes write down who is connected to them. What a node has written is told for as long as the node gives signs of
 * life: for `goneAfterMs` after the last one. It may be lost at any time, all at once: a node learns of it by `beat`, and
 * writes all of it again. Every method rejects with `SESSION_STORE_UNAVAILABLE` where the store is away.
 */
export interface ConnectionStore {
  /**
   * A sign of life, with which what other nodes have left behind is removed. Gives how many connections are written down
   * of this one; a number other than what it has written says that it must write all of them again.
   */
  beat(node: ConnectionNode, goneAfterMs: number): Promise<number>;
  /** Forgets all other processes of the node's name, and their connections: they ended without a word. */
  takeOver(node: ConnectionNode): Promise<void>;
  /** Forgets every connection of a process. */
  forget(nodeId: string): Promise<void>;
  /**
   * Writes changes down. Gives the ids of `put` that were not taken, since a connection of that id is written down by
   * another node that lives: two must never be taken for each other, and the first stays.
   */
  write(node: ConnectionNode, changes: ConnectionChanges, goneAfterMs: number): Promise<readonly string[]>;

  find(id: string, goneAfterMs: number): Promise<StoredConnection | undefined>;
  /** In the order in which they connected. */
  ofUser(tenantId: string | null, userId: string, goneAfterMs: number): Promise<readonly StoredConnection[]>;
  /** In the order in which they connected. */
  ofSession(sessionId: string, goneAfterMs: number): Promise<readonly StoredConnection[]>;
  /** By id, in the order of its bytes. */
  list(search: ConnectionSearch, goneAfterMs: number): Promise<readonly StoredConnection[]>;
  /** By name; nodes without connections are left out. */
  count(goneAfterMs: number): Promise<readonly NodeConnections[]>;
}
