import type {
  ConnectionEntry,
  ConnectionMetadata,
  ConnectionNode,
  ConnectionSearch,
  NodeConnections,
  StoredConnection,
} from '../../connection-store.js';
import { likePattern } from '../../id-pattern.js';
import { tenantColumn, tenantOf } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { Parameters } from './fragments.js';

/** Rows of nodes that are gone, removed at once by one of the others; the rest by the next beat. */
const MOST_REMOVED = 10_000;

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

const COLUMNS = `c.id, c.node_id, n.name AS node, c.transport, c.namespace, c.address,
  ${ms('c.connected_at')} AS connected_at, ${ms('c.last_active_at')} AS last_active_at,
  c.session_id, c.tenant_id, c.user_id, c.metadata`;

interface ConnectionRow {
  readonly id: string;
  readonly node_id: string;
  readonly node: string;
  readonly transport: string;
  readonly namespace: string;
  readonly address: string | null;
  readonly connected_at: number;
  readonly last_active_at: number;
  readonly session_id: string | null;
  readonly tenant_id: string;
  readonly user_id: string | null;
  readonly metadata: ConnectionMetadata;
}

/** True for a node `n` that lives. */
const lives = (goneAfterMs: string): string =>
  `n.seen_at > statement_timestamp() - ${goneAfterMs} * interval '1 millisecond'`;

/** Connections `c` of nodes `n` that live. */
const ofLivingNodes = (goneAfterMs: string): string =>
  `identity_session_connection c JOIN identity_session_node n ON n.id = c.node_id AND ${lives(goneAfterMs)}`;

/**
 * Notes that a node lives, removes what those that do not have left, and gives how many connections are written down of
 * this one. Nodes are few: each of those with connections is found by one look into the index.
 */
export async function beatAndCount(sql: SqlExecutor, node: ConnectionNode, goneAfterMs: number): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    `WITH RECURSIVE noted AS (
       INSERT INTO identity_session_node (id, name, started_at, seen_at, connections)
       VALUES ($1::uuid, $2::text, statement_timestamp() - $3::float8 * interval '1 millisecond', statement_timestamp(),
         $4::integer)
       ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, connections = excluded.connections
     ),
     present (id) AS (
       (SELECT node_id FROM identity_session_connection ORDER BY node_id LIMIT 1)
       UNION ALL
       SELECT (SELECT c.node_id FROM identity_session_connection c WHERE c.node_id > present.id ORDER BY c.node_id LIMIT 1)
       FROM present WHERE present.id IS NOT NULL
     ),
     gone AS MATERIALIZED (
       SELECT present.id FROM present WHERE present.id <> $1::uuid
         AND NOT EXISTS (SELECT FROM identity_session_node n WHERE n.id = present.id AND ${lives('$5::float8')})
     ),
     removed AS (
       DELETE FROM identity_session_connection WHERE id IN (
         SELECT c.id FROM gone JOIN identity_session_connection c ON c.node_id = gone.id
         LIMIT ${MOST_REMOVED} FOR UPDATE OF c SKIP LOCKED)
     )
     SELECT count(*)::float8 AS count FROM identity_session_connection WHERE node_id = $1::uuid`,
    [node.id, node.name, node.uptimeMs, node.connections, goneAfterMs],
  );
  return row?.count ?? 0;
}

export async function deleteNamesakes(sql: SqlExecutor, { id, name }: ConnectionNode): Promise<void> {
  await sql.query(
    `WITH ended AS (
       DELETE FROM identity_session_node WHERE name = $2::text AND id <> $1::uuid RETURNING id
     )
     DELETE FROM identity_session_connection c USING ended WHERE c.node_id = ended.id`,
    [id, name],
  );
}

export async function deleteOfNode(sql: SqlExecutor, nodeId: string): Promise<void> {
  await sql.query('DELETE FROM identity_session_connection WHERE node_id = $1::uuid', [nodeId]);
}

export async function deleteConnections(sql: SqlExecutor, nodeId: string, ids: readonly string[]): Promise<void> {
  await sql.query('DELETE FROM identity_session_connection WHERE node_id = $1::uuid AND id = ANY ($2::text[])', [
    nodeId,
    ids,
  ]);
}

/** Writes whole connections, and gives the ids of those that were taken: what another node that lives has, stays. */
export async function upsertConnections(
  sql: SqlExecutor,
  nodeId: string,
  entries: readonly ConnectionEntry[],
  goneAfterMs: number,
): Promise<string[]> {
  const column = <T>(of: (entry: ConnectionEntry) => T): T[] => entries.map(of);
  // In one order, so that two nodes that write the same ids wait for each other and not crosswise.
  const rows = await sql.query<{ id: string }>(
    `INSERT INTO identity_session_connection AS c (id, node_id, transport, namespace, address, connected_at,
       last_active_at, session_id, tenant_id, user_id, metadata)
     SELECT id, $1::uuid, transport, namespace, address, to_timestamp(connected / 1000), to_timestamp(active / 1000),
       session_id, tenant_id, user_id, metadata::jsonb
     FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::uuid[], $9::text[],
       $10::text[], $11::text[])
       AS input (id, transport, namespace, address, connected, active, session_id, tenant_id, user_id, metadata)
     ORDER BY id COLLATE "C"
     ON CONFLICT (id) DO UPDATE SET node_id = excluded.node_id, transport = excluded.transport,
       namespace = excluded.namespace, address = excluded.address, connected_at = excluded.connected_at,
       last_active_at = excluded.last_active_at, session_id = excluded.session_id, tenant_id = excluded.tenant_id,
       user_id = excluded.user_id, metadata = excluded.metadata
     WHERE c.node_id = excluded.node_id
       OR NOT EXISTS (SELECT FROM identity_session_node n WHERE n.id = c.node_id AND ${lives('$12::float8')})
     RETURNING c.id`,
    [
      nodeId,
      column(({ id }) => id),
      column(({ transport }) => transport),
      column(({ namespace }) => namespace),
      column(({ address }) => address),
      column(({ connectedAt }) => connectedAt),
      column(({ lastActiveAt }) => lastActiveAt),
      column(({ sessionId }) => sessionId),
      column(({ tenantId }) => tenantColumn(tenantId)),
      column(({ userId }) => userId),
      column(({ metadata }) => JSON.stringify(metadata)),
      goneAfterMs,
    ],
  );
  return rows.map(({ id }) => id);
}

export async function updateActivity(
  sql: SqlExecutor,
  nodeId: string,
  entries: readonly ConnectionEntry[],
): Promise<void> {
  await sql.query(
    `UPDATE identity_session_connection c SET transport = input.transport, last_active_at = to_timestamp(active / 1000)
     FROM unnest($2::text[], $3::text[], $4::float8[]) AS input (id, transport, active)
     WHERE c.id = input.id AND c.node_id = $1::uuid`,
    [
      nodeId,
      entries.map(({ id }) => id),
      entries.map(({ transport }) => transport),
      entries.map(({ lastActiveAt }) => lastActiveAt),
    ],
  );
}

export async function readConnection(
  sql: SqlExecutor,
  id: string,
  goneAfterMs: number,
): Promise<StoredConnection | undefined> {
  const rows = await sql.query<ConnectionRow>(
    `SELECT ${COLUMNS} FROM ${ofLivingNodes('$2::float8')} WHERE c.id = $1::text`,
    [id, goneAfterMs],
  );
  return rows.map(connectionOf)[0];
}

export async function readOfUser(
  sql: SqlExecutor,
  tenantId: string | null,
  userId: string,
  goneAfterMs: number,
): Promise<StoredConnection[]> {
  const rows = await sql.query<ConnectionRow>(
    `SELECT ${COLUMNS} FROM ${ofLivingNodes('$3::float8')}
     WHERE c.user_id = $1::text AND c.tenant_id = $2::text ORDER BY c.connected_at, c.id`,
    [userId, tenantColumn(tenantId), goneAfterMs],
  );
  return rows.map(connectionOf);
}

export async function readOfSession(
  sql: SqlExecutor,
  sessionId: string,
  goneAfterMs: number,
): Promise<StoredConnection[]> {
  const rows = await sql.query<ConnectionRow>(
    `SELECT ${COLUMNS} FROM ${ofLivingNodes('$2::float8')}
     WHERE c.session_id = $1::uuid ORDER BY c.connected_at, c.id`,
    [sessionId, goneAfterMs],
  );
  return rows.map(connectionOf);
}

export async function readConnections(
  sql: SqlExecutor,
  { node, idPattern, after, limit }: ConnectionSearch,
  goneAfterMs: number,
): Promise<StoredConnection[]> {
  const parameters = new Parameters();
  const living = lives(parameters.add(goneAfterMs, 'float8'));
  const most = parameters.add(limit, 'int');
  const conditions = ['true'];
  if (idPattern !== undefined) conditions.push(`c.id LIKE ${parameters.add(likePattern(idPattern), 'text')}`);
  if (after !== null) conditions.push(`c.id > ${parameters.add(after, 'text')}`);
  const page = `WHERE ${conditions.join(' AND ')} ORDER BY c.id LIMIT ${most}`;
  // Of a node by its own part of the index: it may have few among many.
  const from =
    node === undefined
      ? `identity_session_connection c JOIN identity_session_node n ON n.id = c.node_id AND ${living}`
      : `(SELECT n.id, n.name FROM identity_session_node n
          WHERE n.name = ${parameters.add(node, 'text')} AND ${living}) n
         CROSS JOIN LATERAL (
           SELECT * FROM identity_session_connection c
           WHERE c.node_id = n.id AND ${conditions.join(' AND ')} ORDER BY c.id LIMIT ${most}) c`;
  const rows = await sql.query<ConnectionRow>(`SELECT ${COLUMNS} FROM ${from} ${page}`, parameters.values);
  return rows.map(connectionOf);
}

export async function countConnections(sql: SqlExecutor, goneAfterMs: number): Promise<NodeConnections[]> {
  return sql.query<NodeConnections>(
    `SELECT n.name, count(*)::float8 AS connections FROM ${ofLivingNodes('$1::float8')}
     GROUP BY n.name ORDER BY n.name COLLATE "C"`,
    [goneAfterMs],
  );
}

function connectionOf(row: ConnectionRow): StoredConnection {
  const { id, node_id: nodeId, node, transport, namespace, address, metadata } = row;
  return {
    id,
    nodeId,
    node,
    transport,
    namespace,
    address,
    connectedAt: row.connected_at,
    lastActiveAt: row.last_active_at,
    sessionId: row.session_id,
    userId: row.user_id,
    tenantId: tenantOf(row.tenant_id),
    metadata,
  };
}
