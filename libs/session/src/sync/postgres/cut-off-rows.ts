import type { CutOff } from '../../core/cut-off.js';

/** Every cut-off, in the form in which the log tells of one. */
export const SELECT_CUT_OFFS = `
  SELECT jsonb_build_object('notBefore', (extract(epoch FROM c.not_before) * 1000)::bigint, 'scope', jsonb_strip_nulls(
    jsonb_build_object('userId', c.user_id)) || CASE
      WHEN c.tenant_id IS NULL THEN '{}'::jsonb
      ELSE jsonb_build_object('tenantId', NULLIF(c.tenant_id, '')) END)
    || jsonb_strip_nulls(jsonb_build_object('protectedNotBefore', (extract(epoch FROM c.protected_not_before) * 1000)::bigint))
    AS details
  FROM identity_session_cut_off c`;

/**
 * The cut-off of a log row's details. What cannot be read is an error, which has the node begin anew and read the
 * table: to pass over it would be to admit what was cut off.
 */
export function cutOffOf(details: unknown): CutOff {
  const { scope, notBefore, protectedNotBefore } = (details ?? {}) as {
    scope?: Record<string, unknown>;
    notBefore?: unknown;
    protectedNotBefore?: unknown;
  };
  const tenantId = scope?.['tenantId'];
  const userId = scope?.['userId'];
  if (
    scope === undefined ||
    typeof notBefore !== 'number' ||
    !(protectedNotBefore === undefined || typeof protectedNotBefore === 'number') ||
    !(tenantId === undefined || tenantId === null || typeof tenantId === 'string') ||
    !(userId === undefined || typeof userId === 'string')
  ) {
    throw new Error('The change log has a cut-off that this version cannot read.');
  }
  return {
    scope: { ...(tenantId === undefined ? {} : { tenantId }), ...(userId === undefined ? {} : { userId }) },
    notBefore,
    ...(protectedNotBefore === undefined ? {} : { protectedNotBefore }),
  };
}
