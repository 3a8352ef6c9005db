import { z } from 'zod';
import { SESSION_STATUSES, type SessionStatus } from '../../core/lifecycle.js';
import { DEVICE_TYPES, type DeviceType } from '../../core/session.js';
import { isStorableIdentifier } from '../../store/storable-text.js';

/** Where an administrator gives no reason. */
export const REVOKED = 'revoked_by_administrator';

/** The reason that an administrator gives is kept with the session. */
export const REASON = z.string().trim().min(1).max(200).optional();
/** What cannot be stored is nobody's, and PostgreSQL would fail on it. */
export const IDENTIFIER = z.string().refine(isStorableIdentifier, 'is not storable');
const MAX_CURSOR_LENGTH = 256;

/** An empty query or body: no key is known. */
export const NOTHING = z.strictObject({});

/** `DELETE /sessions` */
export const END_MINE = z.strictObject({ includeCurrent: z.enum(['true', 'false']).optional() });

/** `PATCH /sessions/:id` */
export const NAME_MINE = z.strictObject({ deviceName: z.string().trim().min(1).max(100) });

/** `DELETE /admin/sessions/:id` and `DELETE /admin/users/:userId/sessions` */
export const END_THEIRS = z.strictObject({ reason: REASON });

/**
 * `POST /admin/cut-offs`. Absent means any; `null` is refused, lest "this session has no tenant" should sign out all
 * tenants.
 */
export const CUT_OFF = z.strictObject({
  userId: IDENTIFIER.optional(),
  tenantId: IDENTIFIER.optional(),
  reason: REASON.unwrap(),
});

/** `GET /admin/sessions` */
export const SEARCH = z.strictObject({
  userId: IDENTIFIER.optional(),
  tenantId: IDENTIFIER.optional(),
  clientId: IDENTIFIER.optional(),
  deviceType: z.enum(DEVICE_TYPES as [DeviceType, ...DeviceType[]]).optional(),
  status: z.enum(SESSION_STATUSES as [SessionStatus, ...SessionStatus[]]).default('active'),
  sort: z.enum(['createdAt', '-createdAt']).default('-createdAt'),
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,2}$/)
    .transform(Number)
    .pipe(z.number().max(200))
    .default(50),
  cursor: z.string().max(MAX_CURSOR_LENGTH).optional(),
});
