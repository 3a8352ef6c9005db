/**
 * Of the cut-offs `c`, those of the four scopes that hold the user, by the texts that the column `scope` is generated
 * as: whatever is known of the table's size, that is four look-ups in its primary key.
 */
export const holds = (tenantId: string, userId: string): string =>
  `c.scope = ANY (ARRAY['*', 't' || ${tenantId}, 'u' || ${userId},
    's' || length(${tenantId})::text || ':' || ${tenantId} || ${userId}])`;

/**
 * The cut-offs that end session `s`. What was created after the latest of all, which is asked for once a statement,
 * needs no further look.
 */
const ending = (columns: string): string => `
  SELECT ${columns} FROM identity_session_cut_off c
  WHERE s.created_at <= (SELECT max(latest.not_before) FROM identity_session_cut_off latest)
    AND s.created_at <= c.not_before AND ${holds('s.tenant_id', 's.user_id')}`;

/** True for sessions `s` that no cut-off ends. */
export const NOT_CUT_OFF = `(${ending('count(*) = 0')})`;

/**
 * True for sessions `s` that were created after the last cut-off of everybody: says nothing that `NOT_CUT_OFF` does not,
 * but lets a scan by creation begin there, however much there is before. For scans alone: where sessions are looked up
 * by id, it would lure the planner into one.
 */
export const AFTER_EVERYBODY = `s.created_at > COALESCE((
  SELECT c.not_before FROM identity_session_cut_off c WHERE c.scope = '*'), '-infinity')`;

/** Joins to sessions `s` the first cut-off that ends each, as `cut`. Only live sessions can be cut off. */
export const CUT_OFF_JOIN = `LEFT JOIN LATERAL (${ending('c.not_before, c.reason, c.actor')}
  ORDER BY c.not_before LIMIT 1) cut ON s.status IN ('pending', 'active', 'suspended')`;
