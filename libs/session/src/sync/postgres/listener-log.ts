import type { LoggedEvent } from '../change-log.js';
import { changesSince, eventOf, HEAD, LOG_COLUMNS, type LogRow } from './postgres-change-log.js';

/** Rows that are read at once. */
const PAGE = 500;
/** An idle cursor is set anew this often, so that its age tells whether the log still has what comes next. */
const REFRESH_EVERY = `interval '10 minutes'`;

/** Runs a statement and gives its rows. */
export type Query = <TRow>(sql: string, parameters: readonly unknown[]) => Promise<TRow[]>;

/** How far a listener has come: past `position`, and in what `target` sees beyond it up to `afterId`. */
export interface ListenerCursor {
  readonly position: string;
  /** When the position was taken, in milliseconds on the database's clock. */
  readonly positionAt: number;
  readonly target: string | null;
  readonly afterId: string;
  /** The highest transaction id that was told of. */
  readonly lastXid: string;
}

export interface ClaimedCursor extends ListenerCursor {
  /** How often the next event has failed. */
  readonly attempts: number;
  /** The log may have forgotten rows that were never told of. */
  readonly isBehind: boolean;
  /** Whoever had it did not give it back: some event after the position may have killed the process. */
  readonly wasLeft: boolean;
}

export interface ListenerEvent {
  readonly id: string;
  readonly xid: string;
  readonly event: LoggedEvent;
}

export interface ListenerPage {
  readonly events: readonly ListenerEvent[];
  /** What the events were read under, to be kept with an `afterId` among them. */
  readonly target: string;
  readonly readAt: number;
  /** Nothing that `target` sees comes after the events. */
  readonly isLast: boolean;
  /** Transaction ids went back: another server, or a restored one. */
  readonly hasGoneBack: boolean;
}

export interface DeadLetterRow {
  readonly eventId: string;
  readonly event: string;
  readonly error: string;
  readonly attempts: number;
}

interface CursorRow {
  readonly position: string;
  readonly position_at: number;
  readonly target: string | null;
  readonly after_id: string;
  readonly last_xid: string;
  readonly attempts: number;
  readonly is_behind: boolean;
  readonly was_left: boolean;
}

const MS = `* interval '1 millisecond'`;

/** Makes the cursor of a new name: at the beginning of the log or at its end. */
export async function ensureCursor(query: Query, name: string, fromBeginning: boolean): Promise<void> {
  const [known] = await query('SELECT 1 FROM identity_session_listener WHERE name = $1', [name]);
  if (known !== undefined) return;
  const { position, lastXid } = fromBeginning ? { position: '1:1:', lastXid: '0' } : await endOfLog(query);
  await query(
    `INSERT INTO identity_session_listener (name, position, position_at, last_xid)
     VALUES ($1, $2, clock_timestamp(), $3::xid8) ON CONFLICT (name) DO NOTHING`,
    [name, position, lastXid],
  );
}

/** A position that everything visible now is before. */
export async function endOfLog(query: Query): Promise<Pick<ListenerCursor, 'position' | 'positionAt' | 'lastXid'>> {
  const [row] = await query<{ snapshot: string; last: string | null; as_of: number }>(
    `SELECT ${HEAD}, (SELECT e.xid::text FROM identity_session_event e
       WHERE e.xid < pg_snapshot_xmax(pg_current_snapshot()) ORDER BY e.xid DESC LIMIT 1) AS last`,
    [],
  );
  if (row === undefined) throw new Error('The change log has given no position.');
  const lastXid = row.last ?? '0';
  return { position: settledPosition(row.snapshot, lastXid), positionAt: row.as_of, lastXid };
}

/**
 * The position after all that `snapshot` sees, by the highest transaction id that has written to the log and not by those
 * that were given out: after a crash a server may give those out again.
 */
export function settledPosition(snapshot: string, lastXid: string): string {
  const end = BigInt(lastXid) + 1n;
  const open = (snapshot.split(':')[2] ?? '')
    .split(',')
    .filter((xid) => xid !== '')
    .map((xid) => BigInt(xid))
    .filter((xid) => xid < end);
  return `${open[0] ?? end}:${end}:${open.join(',')}`;
}

/** Takes a name that has something to do and that nobody works on. */
export async function claimCursor(
  query: Query,
  name: string,
  worker: string,
  { leaseMs, behindAfterMs }: { readonly leaseMs: number; readonly behindAfterMs: number },
): Promise<ClaimedCursor | undefined> {
  const [row] = await query<CursorRow>(
    `WITH free AS (
       SELECT l.name, l.leased_by IS NOT NULL AS was_left FROM identity_session_listener l
       WHERE l.name = $1 AND (l.leased_by IS NULL OR l.leased_until < clock_timestamp())
         AND (l.retry_at IS NULL OR l.retry_at <= clock_timestamp())
         AND (l.target IS NOT NULL OR l.position_at < clock_timestamp() - ${REFRESH_EVERY}
           OR l.last_xid >= pg_snapshot_xmax(pg_current_snapshot())
           OR EXISTS (${changesSince('l.position')}))
       FOR UPDATE SKIP LOCKED
     ), taken AS (
       UPDATE identity_session_listener l
       SET leased_by = $2, leased_until = clock_timestamp() + $3::bigint ${MS} FROM free WHERE l.name = free.name
       RETURNING l.*, free.was_left
     )
     SELECT was_left, position, (extract(epoch FROM position_at) * 1000)::float8 AS position_at, target, after_id::text,
       last_xid::text, attempts, position_at < clock_timestamp() - $4::bigint ${MS} AS is_behind FROM taken`,
    [name, worker, leaseMs, behindAfterMs],
  );
  return (
    row && {
      position: row.position,
      positionAt: row.position_at,
      target: row.target,
      afterId: row.after_id,
      lastXid: row.last_xid,
      attempts: row.attempts,
      isBehind: row.is_behind,
      wasLeft: row.was_left,
    }
  );
}

const FROM_POSITION = `${changesSince('$1')}
  AND ($2::text IS NULL OR pg_visible_in_snapshot(e.xid, $2::pg_snapshot)) AND e.id > $3::bigint`;
/**
 * The same in a form that no index of transaction ids serves: in the midst of a backlog nearly all that comes behind an id
 * is to be told, so that a walk along the ids finds a page at once, where the other way sorts all that is left each time.
 */
const FROM_ID = `SELECT ${LOG_COLUMNS} FROM identity_session_event e
  WHERE e.id > $3::bigint AND NOT pg_visible_in_snapshot(e.xid, $1::pg_snapshot)
    AND pg_visible_in_snapshot(e.xid, $2::pg_snapshot)`;

/** What comes next: by id, and so for each session in the order of its versions, under one pair of snapshots. */
export async function readPage(query: Query, cursor: ListenerCursor): Promise<ListenerPage> {
  const rows = await query<LogRow>(
    `SELECT head.*, e.* FROM (SELECT ${HEAD}) head LEFT JOIN LATERAL (
       ${cursor.target === null || cursor.afterId === '0' ? FROM_POSITION : FROM_ID} ORDER BY e.id LIMIT ${PAGE}) e ON true`,
    [cursor.position, cursor.target, cursor.afterId],
  );
  const head = rows[0];
  if (head === undefined) throw new Error('The change log has given no position.');
  const events = rows.flatMap((row): ListenerEvent[] =>
    row.id === null || row.xid === null ? [] : [{ id: row.id, xid: row.xid, event: eventOf(row) }],
  );
  return {
    events,
    target: cursor.target ?? head.snapshot,
    readAt: cursor.target === null ? head.as_of : cursor.positionAt,
    isLast: events.length < PAGE,
    hasGoneBack: BigInt(head.next_transaction) <= BigInt(cursor.lastXid),
  };
}

const CURSOR = `position = $3, position_at = to_timestamp($4::float8 / 1000), target = $5, after_id = $6::bigint,
  last_xid = $7::xid8`;
const cursorParameters = (name: string, worker: string, cursor: ListenerCursor): unknown[] => [
  name,
  worker,
  cursor.position,
  cursor.positionAt,
  cursor.target,
  cursor.afterId,
  cursor.lastXid,
];

/** Keeps how far the worker has come, and how often the event after that was tried. @returns false where it has lost the name: nothing is kept then */
export async function keepCursor(
  query: Query,
  name: string,
  worker: string,
  cursor: ListenerCursor,
  { leaseMs, isDone, attempts = 0 }: { readonly leaseMs: number; readonly isDone: boolean; readonly attempts?: number },
): Promise<boolean> {
  return isKept(
    await query(
      `WITH kept AS (
         UPDATE identity_session_listener SET ${CURSOR}, attempts = $10::int, retry_at = NULL,
           failing_since = CASE WHEN $10::int = 0 THEN NULL ELSE failing_since END,
           leased_by = CASE WHEN $9::bool THEN NULL ELSE leased_by END,
           leased_until = clock_timestamp() + $8::bigint ${MS}
         WHERE name = $1 AND leased_by = $2 RETURNING name
       ) SELECT name FROM kept`,
      [...cursorParameters(name, worker, cursor), leaseMs, isDone, attempts],
    ),
  );
}

/** Gives a name back whose next event has failed, to be tried again. */
export async function keepFailure(
  query: Query,
  name: string,
  worker: string,
  cursor: ListenerCursor,
  { attempts, retryMs }: { readonly attempts: number; readonly retryMs: number },
): Promise<boolean> {
  return isKept(
    await query(
      `WITH kept AS (
         UPDATE identity_session_listener SET ${CURSOR}, attempts = $8::int, leased_by = NULL,
           failing_since = COALESCE(failing_since, clock_timestamp()), retry_at = clock_timestamp() + $9::bigint ${MS}
         WHERE name = $1 AND leased_by = $2 RETURNING name
       ) SELECT name FROM kept`,
      [...cursorParameters(name, worker, cursor), attempts, retryMs],
    ),
  );
}

/** Puts an event aside that fails for good; the cursor goes past it in the same statement. */
export async function keepDeadLetter(
  query: Query,
  name: string,
  worker: string,
  cursor: ListenerCursor,
  letter: DeadLetterRow,
): Promise<boolean> {
  return isKept(
    await query(
      `WITH kept AS (
         UPDATE identity_session_listener SET ${CURSOR}, attempts = 0, failing_since = NULL, retry_at = NULL
         WHERE name = $1 AND leased_by = $2 RETURNING name
       ), buried AS (
         INSERT INTO identity_session_dead_letter (listener, event_id, event, error, attempts, at)
         SELECT name, $8::bigint, $9::jsonb, $10, $11::int, clock_timestamp() FROM kept
       ) SELECT name FROM kept`,
      [...cursorParameters(name, worker, cursor), letter.eventId, letter.event, letter.error, letter.attempts],
    ),
  );
}

/** Goes on holding a name. @returns false where it was lost */
export async function renewLease(query: Query, name: string, worker: string, leaseMs: number): Promise<boolean> {
  return isKept(
    await query(
      `WITH kept AS (
         UPDATE identity_session_listener SET leased_until = clock_timestamp() + $3::bigint ${MS}
         WHERE name = $1 AND leased_by = $2 RETURNING name
       ) SELECT name FROM kept`,
      [name, worker, leaseMs],
    ),
  );
}

const isKept = (rows: readonly unknown[]): boolean => rows.length > 0;
