import { wallReader } from './clock.js';
import type { Database } from './cluster/database.js';
import type { Ledger, LedgerJob, LedgerSession } from './evidence.js';

/** What the database holds, with its times on the clock of the run. */
export function readLedger(database: Database): Promise<Ledger> {
  const fromWall = wallReader();
  return database.asAdmin(async (client) => {
    const sessions = await client.query<Record<string, string | number | null> & { data: LedgerSession['data'] }>(
      `SELECT id, user_id, client_id, data, data_version, restored_from, device_type, status, version, token_generation, end_reason,
              extract(epoch FROM created_at) * 1000 AS created_at, extract(epoch FROM expires_at) * 1000 AS expires_at,
              extract(epoch FROM last_accessed_at) * 1000 AS last_accessed_at,
              extract(epoch FROM ended_at) * 1000 AS ended_at
       FROM identity_session`,
    );
    const events = await client.query<Record<string, string | number | null>>(
      `SELECT id, xid::text AS transaction, extract(epoch FROM pg_xact_commit_timestamp(xid::xid)) * 1000 AS committed_at,
              type, session_id, user_id, reason, details ->> 'notBefore' AS not_before
       FROM identity_session_event ORDER BY pg_xact_commit_timestamp(xid::xid), id`,
    );
    const jobs = await client.query<Record<string, string | number | null> & Pick<LedgerJob, 'filter'>>(
      `SELECT id, status, filter, reason, changed, skipped, matched,
              extract(epoch FROM created_at) * 1000 AS created_at, extract(epoch FROM finished_at) * 1000 AS finished_at
       FROM identity_session_job`,
    );
    return {
      jobs: jobs.rows.map((row) => ({
        id: String(row['id']),
        status: String(row['status']),
        filter: row.filter,
        reason: String(row['reason']),
        changed: Number(row['changed']),
        skipped: Number(row['skipped']),
        matched: Number(row['matched']),
        createdAt: fromWall(Number(row['created_at'])),
        finishedAt: row['finished_at'] === null ? null : fromWall(Number(row['finished_at'])),
      })),
      sessions: sessions.rows.map((row) => ({
        id: String(row['id']),
        user: String(row['user_id']),
        client: row['client_id'] as string | null,
        dataVersion: Number(row['data_version']),
        data: row.data,
        restoredFrom: row['restored_from'] as string | null,
        deviceType: String(row['device_type']),
        status: String(row['status']),
        version: Number(row['version']),
        generation: Number(row['token_generation']),
        createdAt: fromWall(Number(row['created_at'])),
        expiresAt: fromWall(Number(row['expires_at'])),
        lastAccessedAt: fromWall(Number(row['last_accessed_at'])),
        endedAt: row['ended_at'] === null ? null : fromWall(Number(row['ended_at'])),
        endReason: row['end_reason'] as string | null,
      })),
      events: events.rows.map((row) => ({
        id: Number(row['id']),
        transaction: String(row['transaction']),
        committedAt: fromWall(Number(row['committed_at'])),
        type: String(row['type']),
        session: row['session_id'] as string | null,
        user: row['user_id'] as string | null,
        reason: row['reason'] as string | null,
        notBefore: row['not_before'] === null ? null : fromWall(Number(row['not_before'])),
      })),
    };
  });
}
