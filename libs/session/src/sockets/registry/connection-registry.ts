import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { isSessionId } from '../../core/token.js';
import { schedule } from '../../nest/module/schedule.js';
import { RESOLVED_OPTIONS } from '../../nest/module/tokens.js';
import type { ResolvedOptions } from '../../nest/options/resolve-options.js';
import { NodePresence } from '../../nest/stats/node-presence.js';
import type {
  ConnectionMetadata,
  ConnectionRecord,
  ConnectionStore,
  NodeConnections,
  StoredConnection,
} from '../../store/connection-store.js';
import { isStorableIdentifier } from '../../store/storable-text.js';
import type { Connection } from '../connection.js';
import { LocalConnections } from '../local-connections.js';
import type { ResolvedSocketsOptions } from '../resolve-sockets-options.js';
import { CONNECTION_STORE, SOCKETS_OPTIONS } from '../tokens.js';
import { storableMetadata } from './connection-metadata.js';
import { type ConnectionQuery, cursorAfter, searchOf } from './connection-query.js';
import { entryOf, RegistryWriter } from './registry-writer.js';

export type { ConnectionQuery };

/** A page of connections, by id. */
export interface ConnectionPage {
  readonly items: readonly ConnectionRecord[];
  /** Where the next page begins; `null` on the last one. */
  readonly nextCursor: string | null;
}

export interface ConnectionCounts {
  readonly total: number;
  /** By name; nodes without connections are left out. */
  readonly nodes: readonly NodeConnections[];
}

/**
 * Who is connected, over all nodes: from users and sessions to connections and back. Connections of this node are told as
 * they are now; those of others as their node has written them down, some 200 ms after a change and some seconds after
 * activity. A node that has died is told of for `heartbeatTimeoutMs` at most. Messages, handshakes and the end of sessions
 * neither wait for it nor depend on it.
 */
@Injectable()
export class ConnectionRegistry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('IdentitySession');
  readonly #writer: RegistryWriter;

  constructor(
    @Inject(CONNECTION_STORE) private readonly store: ConnectionStore,
    @Inject(LocalConnections) private readonly connections: LocalConnections,
    @Inject(NodePresence) private readonly presence: NodePresence,
    @Inject(SOCKETS_OPTIONS) { heartbeatTimeoutMs, heartbeatIntervalMs }: ResolvedSocketsOptions,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'nodeName' | 'clocks'>,
  ) {
    presence.serve(() => connections.size, { goneAfterMs: heartbeatTimeoutMs, beatMs: heartbeatIntervalMs });
    this.#writer = new RegistryWriter({
      store,
      connections,
      node: () => {
        const { id, uptimeMs } = presence;
        return { id, name: options.nodeName, uptimeMs, connections: connections.size };
      },
      goneAfterMs: () => presence.goneAfterMs,
      beatMs: () => presence.beatMs,
      monotonic: () => options.clocks.monotonic(),
      schedule,
      onLost: (error) => {
        this.#logger.warn(`Who is connected to this node cannot be written down: ${String(error)}`);
      },
      onRestored: () => {
        this.#logger.log('Who is connected to this node is written down again.');
      },
      onRefused: (id) => {
        this.#logger.error(
          `The connection ${id} is told of nowhere: a connection of another node has its id. Make ids unique over all nodes.`,
        );
      },
    });
  }

  /**
   * Since the node began: connections that are told of nowhere because another node has one of the same id, times that
   * nothing could be written, and times that all was written anew.
   */
  get figures(): { readonly refused: number; readonly failures: number; readonly rewrites: number } {
    return { ...this.#writer.counts };
  }

  onApplicationBootstrap(): void {
    this.#writer.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#writer.stop();
  }

  /** @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`, but not for a connection of this node */
  async find(id: string): Promise<ConnectionRecord | undefined> {
    const own = this.connections.get(id);
    if (own !== undefined) return this.#recordOf(own);
    if (!isStorableIdentifier(id)) return undefined;
    const found = await this.store.find(id, this.presence.goneAfterMs);
    return found === undefined ? undefined : this.#ofOthers([found])[0];
  }

  /**
   * In the order in which they connected.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async ofUser({
    userId,
    tenantId = null,
  }: {
    readonly userId: string;
    readonly tenantId?: string | null;
  }): Promise<readonly ConnectionRecord[]> {
    if (!isStorableIdentifier(userId) || (tenantId !== null && !isStorableIdentifier(tenantId))) return [];
    const stored = await this.store.ofUser(tenantId, userId, this.presence.goneAfterMs);
    return this.#together(this.connections.ofUser(tenantId, userId), stored);
  }

  /**
   * In the order in which they connected.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async ofSession(sessionId: string): Promise<readonly ConnectionRecord[]> {
    if (!isSessionId(sessionId)) return [];
    const stored = await this.store.ofSession(sessionId, this.presence.goneAfterMs);
    return this.#together(this.connections.ofSession(sessionId), stored);
  }

  /**
   * One page by id, as all nodes have written them down.
   * @throws IdentitySessionError `VALIDATION_FAILED`, `SESSION_STORE_UNAVAILABLE`
   */
  async list(query: ConnectionQuery = {}): Promise<ConnectionPage> {
    const search = searchOf(query);
    const found = await this.store.list({ ...search, limit: search.limit + 1 }, this.presence.goneAfterMs);
    const shown = found.slice(0, search.limit);
    const last = shown.at(-1);
    return {
      items: shown.map(withoutNodeId),
      nextCursor: found.length > search.limit && last !== undefined ? cursorAfter(last.id) : null,
    };
  }

  /**
   * As all nodes have written them down.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async count(): Promise<ConnectionCounts> {
    const nodes = await this.store.count(this.presence.goneAfterMs);
    return { total: nodes.reduce((sum, { connections }) => sum + connections, 0), nodes };
  }

  /**
   * Replaces what the application keeps with a connection of this node: texts, numbers, booleans and `null`, 2 KB of JSON
   * at most. False where this node has no connection of that id.
   * @throws IdentitySessionError `VALIDATION_FAILED`
   */
  setMetadata(id: string, metadata: ConnectionMetadata): boolean {
    const stored = storableMetadata(metadata);
    const connection = this.connections.get(id);
    if (connection === undefined) return false;
    connection.metadata = stored;
    this.#writer.changed(connection);
    return true;
  }

  #together(own: Iterable<Connection>, stored: readonly StoredConnection[]): ConnectionRecord[] {
    const all = [...Array.from(own, (connection) => this.#recordOf(connection)), ...this.#ofOthers(stored)];
    return all.sort((a, b) => a.connectedAt - b.connectedAt || (a.id < b.id ? -1 : 1));
  }

  /** What this node has written down it knows better. */
  #ofOthers(stored: readonly StoredConnection[]): ConnectionRecord[] {
    return stored.filter(({ nodeId }) => nodeId !== this.presence.id).map(withoutNodeId);
  }

  #recordOf(connection: Connection): ConnectionRecord {
    return { ...entryOf(connection), node: this.options.nodeName };
  }
}

function withoutNodeId({ nodeId: _nodeId, ...record }: StoredConnection): ConnectionRecord {
  return record;
}
