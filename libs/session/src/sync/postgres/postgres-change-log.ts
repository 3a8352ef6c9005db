import pg from 'pg';
import type { CutOff } from '../../core/cut-off.js';
import type { ChangeLogConnection, LoggedEvent, LogOpening, LogRead } from '../change-log.js';
import type { HintListener } from '../hints.js';
import { cutOffOf, SELECT_CUT_OFFS } from './cut-off-rows.js';

/** Rows in one page; a bulk of many thousands is read in several statements, under the same pair of snapshots. */
const PAGE = 5_000;

const CLOSE_WITHIN_MS = 1_000;

/** The channel of hints. */
export const HINT_CHANNEL = 'identity_session';

/** A row of the log with what is known of the read. */
export interface LogRow {
  readonly snapshot: string;
  readonly next_transaction: string;
  readonly started_at: string;
  readonly now: number;
  readonly as_of: number;
  readonly id: string | null;
  readonly xid: string | null;
  readonly type: string;
  readonly session_id: string | null;
  readonly version: number | null;
  readonly details: unknown;
  readonly tenant_id: string;
  readonly user_id: string | null;
  readonly reason: string | null;
  readonly actor: string | null;
  readonly at: number;
}

/**
 * The change log of PostgreSQL on a connection of its own, which can also listen for hints. Rows commit out of order, so a
 * position is no sequence but a snapshot: a read returns what is visible to its own snapshot and was not to the one
 * before, found by an index on the transaction ids and not by looking at everything since the oldest open one.
 */
export class PostgresChangeLog implements ChangeLogConnection<LoggedEvent> {
  #isClosed = false;

  private constructor(private readonly client: pg.Client) {}

  /**
   * Connects, and listens where somebody wants to hear.
   * @param config of the driver; with `query_timeout`, so that a stalled server is told from a quiet one
   */
  static async connect(config: pg.ClientConfig, listener?: HintListener): Promise<PostgresChangeLog> {
    const client = new pg.Client({ ...config, keepAlive: true, application_name: 'identity-session tail' });
    const log = new PostgresChangeLog(client);
    // Without a listener a cut connection ends the process. What is lost shows at the next read.
    client.on('error', () => undefined);
    client.on('notification', ({ payload }) => listener?.onMessage(payload ?? ''));
    try {
      await client.connect();
      if (listener !== undefined) {
        await client.query(`LISTEN ${HINT_CHANNEL}`);
        listener.onOpen();
      }
      return log;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  async open(): Promise<LogOpening> {
    const { rows } = await this.client.query<LogRow>(`SELECT ${HEAD}, NULL AS id`);
    // After the position, not before: what comes between is read twice and not never.
    const cutOffs = await this.client.query<{ details: unknown }>(SELECT_CUT_OFFS);
    return { ...readOf(rows, []), cutOffs: cutOffs.rows.map((row): CutOff => cutOffOf(row.details)) };
  }

  async readSince(position: string): Promise<LogRead<LoggedEvent>> {
    const { rows } = await this.client.query<LogRow>(
      `SELECT head.*, e.*
       FROM (SELECT ${HEAD}) head LEFT JOIN LATERAL (${changesSince('$1')} ORDER BY e.xid, e.id LIMIT ${PAGE}) e ON true`,
      [position],
    );
    const first = rows[0];
    if (first === undefined) throw new Error('The change log has given no position.');
    const changes = rows.filter((row) => row.id !== null);
    let page: readonly LogRow[] = changes;
    while (page.length === PAGE) {
      const last = page[page.length - 1];
      const next = await this.client.query<LogRow>(
        `${changesSince('$1')} AND pg_visible_in_snapshot(e.xid, $2::pg_snapshot)
           AND (e.xid, e.id) > ($3::xid8, $4::bigint)
         ORDER BY e.xid, e.id LIMIT ${PAGE}`,
        [position, first.snapshot, last?.xid, last?.id],
      );
      page = next.rows;
      changes.push(...page);
    }
    return readOf(rows, changes);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // A server that is stalled does not say goodbye.
    const { stream } = (this.client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    const timer = setTimeout(() => {
      stream.destroy();
    }, CLOSE_WITHIN_MS);
    await this.client.end().finally(() => {
      clearTimeout(timer);
    });
  }
}

/** Where and when a statement reads the log. */
export const HEAD = `pg_current_snapshot()::text AS snapshot, pg_snapshot_xmax(pg_current_snapshot())::text AS next_transaction,
  pg_postmaster_start_time()::text AS started_at, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
  (extract(epoch FROM statement_timestamp()) * 1000)::float8 AS as_of`;

/** Of a row `e` of the log. */
export const LOG_COLUMNS = `e.id, e.xid, e.type, e.session_id, e.version, e.tenant_id, e.user_id, e.reason, e.actor, e.details,
     (extract(epoch FROM e.at) * 1000)::float8 AS at`;

/**
 * What became visible since a position, an SQL expression.
 *
 * Nothing that is visible has a transaction id that was not given out yet, unless it came with a restored backup: the
 * upper bound leaves that alone.
 */
export const changesSince = (position: string): string =>
  `SELECT ${LOG_COLUMNS}
   FROM identity_session_event e
   WHERE e.xid >= pg_snapshot_xmin(${position}::pg_snapshot) AND e.xid < pg_snapshot_xmax(pg_current_snapshot())
     AND (e.xid >= pg_snapshot_xmax(${position}::pg_snapshot)
     OR e.xid = ANY (ARRAY(SELECT pg_snapshot_xip(${position}::pg_snapshot))))`;

function readOf(rows: readonly LogRow[], changes: readonly LogRow[]): LogRead<LoggedEvent> {
  const head = rows[0];
  if (head === undefined) throw new Error('The change log has given no position.');
  return {
    position: head.snapshot,
    nextTransaction: BigInt(head.next_transaction),
    serverStartedAt: head.started_at,
    now: head.now,
    asOf: head.as_of,
    // A transaction with a lower id may have changed a session after one with a higher: ids are given under the row's
    // lock, and so in the order of versions.
    changes: [...changes].sort((a, b) => Number(a.id) - Number(b.id)).map(eventOf),
  };
}

export function eventOf(row: LogRow): LoggedEvent {
  const event = {
    type: row.type,
    sessionId: row.session_id,
    version: row.version,
    tenantId: row.tenant_id === '' ? null : row.tenant_id,
    userId: row.user_id,
    reason: row.reason,
    actor: row.actor,
    at: row.at,
  };
  switch (row.type) {
    case 'cut_off':
      return { ...event, cutOff: cutOffOf(row.details) };
    case 'data_changed':
      return { ...event, keys: keysOf(row.details) };
    case 'created':
      return { ...event, ...originOf(row.details) };
    default:
      return event;
  }
}

function originOf(details: unknown): Pick<LoggedEvent, 'restoredFrom'> {
  const restoredFrom = (details as { restoredFrom?: unknown } | null)?.restoredFrom;
  return typeof restoredFrom === 'string' ? { restoredFrom } : {};
}

/** What cannot be read must not stop the log. */
function keysOf(details: unknown): string[] {
  const keys = (details as { keys?: unknown } | null)?.keys;
  return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
}
