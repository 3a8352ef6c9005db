/** A row `c` of settings, as `StoredSettings`. */
export const SETTINGS_JSON = `jsonb_build_object('tenantId', c.tenant_id, 'version', c.version, 'format', c.format,
  'settings', c.settings, 'keeper', c.keeper, 'at', (extract(epoch FROM c.changed_at) * 1000)::float8,
  'reason', c.reason, 'by', c.actor)`;

/** What is stored for everybody and for a tenant, in this order; `NULL` where nothing is. Two look-ups by primary key. */
export const settingsFor = (tenantId: string): string => `
  SELECT jsonb_agg(${SETTINGS_JSON} ORDER BY c.tenant_id NULLS FIRST)
  FROM identity_session_setting c WHERE c.scope = ANY (ARRAY['*', 't' || ${tenantId}])`;
