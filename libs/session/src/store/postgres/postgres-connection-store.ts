import type { DataSource } from 'typeorm';
import type {
  ConnectionChanges,
  ConnectionNode,
  ConnectionSearch,
  ConnectionStore,
  NodeConnections,
  StoredConnection,
} from '../connection-store.js';
import { OwnConnections, type SqlSession } from './sql-session.js';
import * as connections from './statements/connection.statements.js';

/** Who is connected, in PostgreSQL: one statement for each kind of change, however many connections it is of. */
export class PostgresConnectionStore implements ConnectionStore {
  private constructor(private readonly session: SqlSession) {}

  /** On a DataSource that is or will be initialised. `deadlineMs`: an operation without an answer for this long fails. */
  static on(dataSource: DataSource, { deadlineMs = 5_000 }: { readonly deadlineMs?: number } = {}): ConnectionStore {
    return new PostgresConnectionStore(new OwnConnections(dataSource, deadlineMs));
  }

  // In transactions of a known level: a stricter default would refuse what another node has just changed.

  beat(node: ConnectionNode, goneAfterMs: number): Promise<number> {
    return this.session.transaction((sql) => connections.beatAndCount(sql, node, goneAfterMs));
  }

  takeOver(node: ConnectionNode): Promise<void> {
    return this.session.transaction((sql) => connections.deleteNamesakes(sql, node));
  }

  forget(nodeId: string): Promise<void> {
    return this.session.transaction((sql) => connections.deleteOfNode(sql, nodeId));
  }

  write(node: ConnectionNode, changes: ConnectionChanges, goneAfterMs: number): Promise<readonly string[]> {
    const { removed, put, active } = changes;
    return this.session.transaction(async (sql) => {
      if (removed.length > 0) await connections.deleteConnections(sql, node.id, removed);
      if (active.length > 0) await connections.updateActivity(sql, node.id, active);
      if (put.length === 0) return [];
      const taken = new Set(await connections.upsertConnections(sql, node.id, put, goneAfterMs));
      return put.map(({ id }) => id).filter((id) => !taken.has(id));
    });
  }

  find(id: string, goneAfterMs: number): Promise<StoredConnection | undefined> {
    return this.session.run((sql) => connections.readConnection(sql, id, goneAfterMs));
  }

  ofUser(tenantId: string | null, userId: string, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    return this.session.run((sql) => connections.readOfUser(sql, tenantId, userId, goneAfterMs));
  }

  ofSession(sessionId: string, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    return this.session.run((sql) => connections.readOfSession(sql, sessionId, goneAfterMs));
  }

  list(search: ConnectionSearch, goneAfterMs: number): Promise<readonly StoredConnection[]> {
    return this.session.run((sql) => connections.readConnections(sql, search, goneAfterMs));
  }

  count(goneAfterMs: number): Promise<readonly NodeConnections[]> {
    return this.session.run((sql) => connections.countConnections(sql, goneAfterMs));
  }
}
