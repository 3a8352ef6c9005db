import { z } from 'zod';
import { SETTINGS_SCHEMA } from '../settings/settings-schema.js';
import { IDENTIFIER, REASON } from './session-queries.js';

/** Absent means everybody, or the administrator's own tenant. */
const TENANT = { tenantId: IDENTIFIER.optional() };
const MOST_VERSIONS = 2 ** 31 - 1;
const countOf = (digits: RegExp, most: number) => z.string().regex(digits).transform(Number).pipe(z.number().max(most));

/** `GET /admin/settings` */
export const SETTINGS = z.strictObject(TENANT);

/** `GET /admin/settings/history` */
export const SETTINGS_HISTORY = z.strictObject({ ...TENANT, limit: countOf(/^[1-9][0-9]{0,2}$/, 200).default(50) });

/** `PUT /admin/settings` */
export const CHANGE_SETTINGS = z.strictObject({
  ...TENANT,
  version: z.int().min(0).max(MOST_VERSIONS),
  // What is in them is checked, and told field by field, by who stores them.
  settings: z.unknown(),
  reason: REASON.unwrap(),
});

/** The same, with what is in the settings: for documents. */
export const CHANGE_SETTINGS_BODY = CHANGE_SETTINGS.extend({ settings: SETTINGS_SCHEMA });

/** `DELETE /admin/settings` */
export const RESET_SETTINGS = z.strictObject({
  ...TENANT,
  version: countOf(/^(0|[1-9][0-9]{0,9})$/, MOST_VERSIONS),
  reason: REASON.unwrap(),
});
