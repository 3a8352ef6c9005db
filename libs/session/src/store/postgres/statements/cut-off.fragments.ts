/**
 * Of the cut-offs `c`, those of the four scopes that hold the user, by the texts that the column `scope` is generated
 * as: whatever is known of the table's size, that is four look-ups in its primary key.
 */
export const holds = (tenantId: string, userId: string): string =>
  `c.scope = ANY (ARRAY['*', 't' || ${tenantId}, 'u' || ${userId},
    's' || length(${tenantId})::text || ':' || ${tenantId} || ${userId}])`;

/** Of what was created before cut-off `c`: protected sessions only where a cut-off has included them. */
export const reaches = (session: string): string =>
  `(NOT ${session}.is_protected OR ${session}.created_at <= c.protected_not_before)`;

/** The cut-off as session `s` has it. */
const MINE = ['not_before', 'reason', 'actor'].map(
  (column) => `CASE WHEN s.is_protected THEN c.protected_${column} ELSE c.${column} END AS ${column}`,
);

/**
 * The cut-offs that end session `s`. What was created after the latest of all, which is asked for once a statement,
 * needs no further look.
 */
const ending = (columns: string): string => `
  SELECT ${columns} FROM identity_session_cut_off c
  WHERE s.created_at <= (SELECT max(latest.not_before) FROM identity_session_cut_off latest)
    AND s.created_at <= c.not_before AND ${reaches('s')} AND ${holds('s.tenant_id', 's.user_id')}`;

/** True for sessions `s` that no cut-off ends. */
export const NOT_CUT_OFF = `(${ending('count(*) = 0')})`;

const SCOPES = '(SELECT any_scope.scope FROM identity_session_cut_off any_scope)';

/** Of what a cut-off of everybody has ended, those that nobody has written down. */
export const BEFORE_EVERYBODY = `(s.created_at <= (SELECT c.not_before FROM identity_session_cut_off c WHERE c.scope = '*')
  AND (NOT s.is_protected
    OR s.created_at <= (SELECT c.protected_not_before FROM identity_session_cut_off c WHERE c.scope = '*')))`;

/**
 * As `NOT_CUT_OFF`, for scans of many sessions: the cut-off of everybody is read once, and most sessions are of nobody that
 * any other has been about, which three look-ups in a hash of all scopes tell for a tenth of what asking the table costs.
 * The hash is made once a statement, which one session is not worth.
 */
export const NOT_CUT_OFF_IN_SCAN = `(${BEFORE_EVERYBODY} IS NOT TRUE AND (('t' || s.tenant_id NOT IN ${SCOPES} AND 'u' || s.user_id NOT IN ${SCOPES}
  AND 's' || length(s.tenant_id)::text || ':' || s.tenant_id || s.user_id NOT IN ${SCOPES}) OR ${NOT_CUT_OFF}))`;

/**
 * The same, for whoever goes through all live sessions at once: most are newer than every cut-off, or older than one of
 * everybody, and need no look at the others. In a form for which the planner expects nearly all rows to pass, and which it
 * cannot take for a reason to fetch them in the order of some index.
 */
export const NOT_CUT_OFF_AMONG_ALL = `CASE
  WHEN s.created_at > COALESCE((SELECT max(latest.not_before) FROM identity_session_cut_off latest), '-infinity') THEN 1
  WHEN ${NOT_CUT_OFF_IN_SCAN} THEN 1 ELSE 0 END <> 0`;

/** True for live sessions `s` that a cut-off of less than everybody ends, found by the cut-offs and not by the sessions. */
export const CUT_OFF_APART = `s.id IN (
  SELECT covered.id FROM identity_session_cut_off c CROSS JOIN LATERAL (${[
    ['c.user_id IS NULL', `x.tenant_id = c.tenant_id AND (c.tenant_id = '' OR x.tenant_id <> '')`],
    ['c.tenant_id IS NULL', 'x.user_id = c.user_id'],
    ['c.tenant_id IS NOT NULL', 'x.tenant_id = c.tenant_id AND x.user_id = c.user_id'],
  ]
    .map(
      ([shape, whose]) => `
      SELECT x.id FROM identity_session x
      WHERE c.scope <> '*' AND ${shape} AND ${whose} AND x.created_at <= c.not_before
        AND ${reaches('x')} AND x.status IN ('pending', 'active', 'suspended')`,
    )
    .join(' UNION ALL ')}) covered)`;

/**
 * True for sessions `s` that were created after the last cut-off of everybody, or after the first protected one that may
 * have outlived it: says nothing that `NOT_CUT_OFF` does not, but lets a scan by creation begin there, however much there
 * is before. For scans alone: where sessions are looked up by id, it would lure the planner into one.
 */
export const AFTER_EVERYBODY = `s.created_at > COALESCE((
  SELECT least(c.not_before, (
    SELECT min(p.created_at) - interval '1 millisecond' FROM identity_session p
    WHERE p.is_protected AND p.status IN ('pending', 'active', 'suspended')))
  FROM identity_session_cut_off c WHERE c.scope = '*'), '-infinity')`;

/** Joins to sessions `s` the first cut-off that ends each, as `cut`. Only live sessions can be cut off. */
export const CUT_OFF_JOIN = `LEFT JOIN LATERAL (${ending(MINE.join(', '))}
  ORDER BY not_before LIMIT 1) cut ON s.status IN ('pending', 'active', 'suspended')`;
