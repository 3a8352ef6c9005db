import { z } from 'zod';
import { LIVE_STATUSES, type LiveStatus, SESSION_STATUSES, type SessionStatus } from '../../core/lifecycle.js';
import { DEVICE_TYPES, type DeviceType } from '../../core/session.js';
import { MAX_TAG_LENGTH, MOST_TAGS } from '../../store/change-context.js';
import { BULK_PAGE } from '../../store/session-store.js';
import { isStorableIdentifier } from '../../store/storable-text.js';
import { SORTS } from './cursor.js';

/** Where an administrator gives no reason. */
export const REVOKED = 'revoked_by_administrator';
export const ERASED = 'erased_by_administrator';
export const RESUMED = 'resumed_by_administrator';
export const UNDONE = 'undone_by_administrator';

/** The reason that an administrator gives is kept with the session. */
export const REASON = z.string().trim().min(1).max(200).optional();
/** Words of the application that a change can be found by. */
const TAGS = z.array(z.string().min(1).max(MAX_TAG_LENGTH)).max(MOST_TAGS).optional();
/** What cannot be stored is nobody's, and PostgreSQL would fail on it. */
export const IDENTIFIER = z.string().refine(isStorableIdentifier, 'is not storable');
const MAX_CURSOR_LENGTH = 256;
const MAX_IP_LENGTH = 64;

/** An empty query or body: no key is known. */
export const NOTHING = z.strictObject({});

/** `DELETE /sessions` */
export const END_MINE = z.strictObject({ includeCurrent: z.enum(['true', 'false']).optional() });

/** `PATCH /sessions/:id` */
export const NAME_MINE = z.strictObject({ deviceName: z.string().trim().min(1).max(100) });

/** `DELETE /admin/sessions/:id` and `DELETE /admin/users/:userId/sessions/:id` */
export const END_THEIRS = z.strictObject({ reason: REASON });

/** `DELETE /admin/users/:userId/sessions` */
export const END_ALL_THEIRS = z.strictObject({
  reason: REASON,
  includeProtected: z.enum(['true', 'false']).optional(),
});

/** Whether protected sessions are meant too. */
const INCLUDE_PROTECTED = z.boolean().default(false);

/**
 * `POST /admin/cut-offs`. Absent means any; `null` is refused, lest "this session has no tenant" should sign out all
 * tenants.
 */
export const CUT_OFF = z.strictObject({
  userId: IDENTIFIER.optional(),
  tenantId: IDENTIFIER.optional(),
  reason: REASON.unwrap(),
  includeProtected: INCLUDE_PROTECTED,
  tags: TAGS,
});

export const LIMIT = z
  .string()
  .regex(/^[1-9][0-9]{0,2}$/)
  .transform(Number)
  .pipe(z.number().max(200))
  .default(50);
export const CURSOR = z.string().max(MAX_CURSOR_LENGTH).optional();

/** What an administrator can look for; each condition that is there must hold. */
export const CONDITIONS = {
  userId: IDENTIFIER.optional(),
  tenantId: IDENTIFIER.optional(),
  clientId: IDENTIFIER.optional(),
  deviceType: z.enum(DEVICE_TYPES as [DeviceType, ...DeviceType[]]).optional(),
  ip: IDENTIFIER.max(MAX_IP_LENGTH).optional(),
  q: IDENTIFIER.optional(),
};

const STATUS = z.enum(SESSION_STATUSES as [SessionStatus, ...SessionStatus[]]).default('active');

/** `GET /admin/sessions` */
export const SEARCH = z
  .strictObject({
    ...CONDITIONS,
    status: STATUS,
    sort: z.enum(SORTS).default('-createdAt'),
    limit: LIMIT,
    cursor: CURSOR,
  })
  .refine(({ sort, userId }) => userId !== undefined || !sort.endsWith('lastAccessedAt'), {
    path: ['sort'],
    message: 'by last access only together with userId',
  });

/** `GET /admin/sessions.csv`: in the order in which they began, all of them. */
export const EXPORT = z.strictObject({ ...CONDITIONS, status: STATUS });

/** `GET /admin/sessions/:id/events` and `GET /admin/users/:userId/events` */
export const HISTORY = z.strictObject({ limit: LIMIT, cursor: CURSOR });

/** `GET /admin/users/:userId/export`; without a tenant: of every one that may be seen. */
export const EXPORT_USER = z.strictObject({ tenantId: IDENTIFIER.optional() });

/** `DELETE /admin/users/:userId/data`; without a tenant: of the administrator's own, or the user that has none. */
export const ERASE_USER = z.strictObject({
  tenantId: IDENTIFIER.optional(),
  reason: REASON,
  includeProtected: z.enum(['true', 'false']).optional(),
});

/** As clients have them: `SessionIds.decodeAll` says which are none. */
const SESSION_IDS = z.array(z.string()).min(1).max(BULK_PAGE);
/** One call ends no more, so that it is answered in bounded time; where there are more it says so. */
const MOST_ENDED = 100_000;
const MOST_ENDED_UNASKED = 10_000;

/** Which live sessions, and why. What has ended can change no more: only live states can be asked for. */
export const MATCHING = {
  filter: z
    .strictObject({
      ...CONDITIONS,
      ids: SESSION_IDS.optional(),
      status: z.enum(LIVE_STATUSES as [LiveStatus, ...LiveStatus[]]).optional(),
    })
    .refine((filter) => Object.values<unknown>(filter).some((value) => value !== undefined), 'is empty'),
  except: SESSION_IDS.optional(),
  reason: REASON.unwrap(),
  includeProtected: INCLUDE_PROTECTED,
};

/** `POST /admin/sessions/revoke`. */
export const REVOKE_MATCHING = z.strictObject({
  ...MATCHING,
  tags: TAGS,
  dryRun: z.boolean().default(false),
  max: z.int().min(1).max(MOST_ENDED).default(MOST_ENDED_UNASKED),
});

/** `POST /admin/sessions/:id/suspend` */
export const SUSPEND = z.strictObject({ reason: REASON.unwrap(), tags: TAGS });

/** `POST /admin/sessions/:id/resume`; without a body too. */
export const RESUME = z.strictObject({ reason: REASON, tags: TAGS });

/** `POST /admin/sessions/:id/undo`; without a body too. */
export const UNDO = z.strictObject({ reason: REASON, tags: TAGS });

/** `POST /sessions/restore`; without a body too. */
export const RESTORE = z.strictObject({
  answer: z.strictObject({ ticket: IDENTIFIER, end: SESSION_IDS.optional() }).optional(),
});

/** `POST /admin/sessions/:id/approve` */
export const APPROVE = z.strictObject({ requirement: IDENTIFIER, tags: TAGS });

/** `POST /admin/sessions/:id/reject` */
export const REJECT = z.strictObject({ reason: REASON.unwrap(), tags: TAGS });
