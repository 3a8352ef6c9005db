import { holds } from './cut-off.fragments.js';

/**
 * Whether the end of session `s` that this statement writes can be undone: nobody undoes what users did themselves, and
 * whoever was somebody else asks anew to be.
 */
export const undoableBy = (actor: string): string =>
  `CASE WHEN s.status = 'active' AND s.impersonator_id IS NULL AND ${actor} IS DISTINCT FROM s.user_id THEN true END`;

/** True for a revoked session `s` whose time would have been over by itself. */
const HAS_RUN_OUT = `(s.expires_at <= clock_timestamp()
  OR s.last_accessed_at + s.idle_timeout_ms * interval '1 millisecond' <= clock_timestamp())`;

/**
 * Something has changed since session `s` was revoked: it was settled by an event of the account or by new data of the
 * user, it has lost its addresses, a cut-off covers it, or its user has signed in since. What was restored of the same
 * user was there before.
 */
const HAS_CHANGED = `(NOT s.undoable OR s.scrubbed_at IS NOT NULL
  OR EXISTS (SELECT FROM identity_session_cut_off c
             WHERE s.created_at <= c.not_before AND ${holds('s.tenant_id', 's.user_id')})
  OR EXISTS (SELECT FROM identity_session x
             WHERE x.user_id = s.user_id AND x.tenant_id = s.tenant_id AND x.created_at > s.ended_at
               AND x.status = ANY ('{pending,active,suspended,signed_out,expired,evicted,revoked,rejected}')
               AND x.restored_from IS NULL))`;

/** Why the revocation of session `s` cannot be undone now; `NULL` where it can. */
export const undoRefusal = (windowMs: string, actor: string): string => `CASE
  WHEN s.status <> 'revoked' OR s.undoable IS NULL THEN 'not_undoable'
  WHEN s.user_id = ${actor} THEN 'own_session'
  WHEN s.undone_at IS NOT NULL THEN 'already_undone'
  WHEN s.ended_at + ${windowMs} * interval '1 millisecond' <= clock_timestamp() OR ${HAS_RUN_OUT} THEN 'too_late'
  WHEN ${HAS_CHANGED} THEN 'changed' END`;

/** Why session `s` cannot be restored now; `NULL` where it can. */
export const RESTORE_REFUSAL = `CASE
  WHEN s.status <> 'revoked' OR s.undone_at IS NULL THEN 'not_undone'
  WHEN s.restored_as IS NOT NULL THEN 'used'
  WHEN s.restorable_until <= clock_timestamp() OR ${HAS_RUN_OUT} THEN 'too_late'
  WHEN ${HAS_CHANGED} THEN 'changed' END`;
