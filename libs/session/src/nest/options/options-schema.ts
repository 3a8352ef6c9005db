import { z } from 'zod';
import { ASSURANCE_LEVELS, type AssuranceLevel } from '../../core/session.js';
import type { TextCodec } from '../../core/codec.js';
import { SessionIds } from '../session/session-ids.js';
import { goesBackAndForth, isCodec, nameOneEach } from './codecs.js';
import { WEBHOOK_SCHEMA } from './webhook-schema.js';
import type { SessionStore } from '../../store/session-store.js';
import { LONGEST_UNDO_MS } from '../../store/session-undo.js';
import { MAX_DATA_BYTES, MOST_DATA_BYTES } from '../../store/storable-data.js';
import { LOG_HORIZON_MS } from '../../sync/change-log.js';
import type { ProcessClocks } from '../../sync/node-clock.js';
import { ACCOUNT_EFFECT_DEFAULTS, ACCOUNT_EFFECTS, type AccountEffect } from '../account/account-event.js';
import type { CredentialExtractor } from '../credential/credential.js';
import { isOrigin } from '../csrf/cross-site.js';
import type { DataSchema } from '../data/data-schema.js';
import type { DeviceResolver } from '../device/device-resolver.js';
import type { LocationResolver } from '../device/location-resolver.js';
import { DRIFT_REACTIONS } from '../drift/drift-options.js';
import { agentOf, networkOf } from '../drift/places.js';
import { englishNotice } from '../notices/notice-text.js';
import type { NoticeWording } from '../notices/session-notice.js';
import type { PolicyResolver, RpcHeadersReader, SecondApproverRule } from './identity-session-options.js';
import { LIFETIMES_SCHEMA, LONGEST_LIFETIME_MS } from './lifetimes-schema.js';

const DAY_MS = 86_400_000;

/** Timers of Node take no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LEAST_LOG_RETENTION_MS = 2 * LOG_HORIZON_MS;

const ms = (fallback: number, minimum = 1) => z.int().min(minimum).max(LONGEST_TIMER_MS).default(fallback);
const given = <T>() => z.custom<T>((value) => typeof value === 'object' && value !== null).optional();

const CODECS = z.array(z.custom<TextCodec>(isCodec, 'must have encode and decode'));
const TOKEN_CODECS = CODECS.refine(
  goesBackAndForth,
  'must decode what they encode, into what cookies and headers carry',
).default([]);
const ID_CODECS = CODECS.refine(
  nameOneEach,
  'must decode what they encode, always into the same text, of at most 100 characters that paths carry',
)
  .prefault([])
  .transform((codecs) => new SessionIds(codecs));

const EFFECT = z.enum(ACCOUNT_EFFECTS as readonly [AccountEffect, ...AccountEffect[]]);

/** What is in it is the policy's own to check. */
const CONSTRAINT = z.strictObject({
  name: z.string().min(1).optional(),
  scope: z.any(),
  limit: z.union([z.number(), z.record(z.string(), z.number())]),
  whenFull: z.any(),
  exempt: z.custom<() => boolean>((value) => typeof value === 'function').optional(),
});

const REDIS = z.strictObject({
  url: z.string().refine(isRedisUrl, 'must be a URL that begins with redis://, rediss:// or unix://'),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, colons, hyphens or underscores')
    .default('identity-session'),
  deadlineMs: ms(100),
});

/** Unknown keys are refused: a misspelt limit must not become no limit. */
export const OPTIONS = z.strictObject({
  policy: z.union([z.array(CONSTRAINT), z.custom<PolicyResolver>((value) => typeof value === 'function')]).default([]),
  lifetimes: LIFETIMES_SCHEMA.prefault({}),
  assuranceLevel: z.enum(ASSURANCE_LEVELS as readonly [AssuranceLevel, ...AssuranceLevel[]]).optional(),
  endOthersMaxAgeMs: z.int().min(0).max(LONGEST_LIFETIME_MS).default(0),
  syncIntervalMs: z.int().min(1).max(LONGEST_TIMER_MS).optional(),
  keepAccessMs: ms(60_000),
  idleMarginMs: ms(5_000, 0),
  maxStalenessMs: ms(5_000),
  refusalMs: z.int().min(0).max(1_000).default(5),
  strict: z.boolean().default(false),
  tailIntervalMs: ms(1_000),
  hints: z.enum(['postgres', 'redis', 'in-process', 'off']).optional(),
  redis: REDIS.optional(),
  sharedCache: z.boolean().optional(),
  directUrl: z.string().min(1).optional(),
  storeDeadlineMs: ms(5_000),
  codecs: z.strictObject({ token: TOKEN_CODECS, id: ID_CODECS }).prefault({}),
  tokenKeys: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[A-Za-z0-9]{1,16}$/, 'must be 1 to 16 letters and digits'),
        secret: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length >= 32, {
          message: 'must have at least 32 bytes',
        }),
      }),
    )
    .refine((keys) => new Set(keys.map((key) => key.id)).size === keys.length, 'must each have an id of their own')
    .default([]),
  rotation: z
    .strictObject({
      intervalMs: z.int().min(0).max(LONGEST_LIFETIME_MS).default(0),
      graceMs: ms(30_000, 0),
      onReuse: z.enum(['revoke', 'refuse']).default('revoke'),
    })
    .prefault({}),
  cookie: z
    .strictObject({
      name: z.string().optional(),
      secure: z.boolean().default(true),
      sameSite: z.enum(['lax', 'strict']).default('lax'),
    })
    .prefault({}),
  csrf: z
    .strictObject({
      enabled: z.boolean().default(true),
      allowedOrigins: z
        .array(z.string().refine(isOrigin, 'must be an origin like https://app.example.com, without a path'))
        .default([]),
      allowSameSite: z.boolean().default(false),
    })
    .prefault({}),
  drift: z
    .strictObject({
      address: z.enum(DRIFT_REACTIONS).default('ignore'),
      userAgent: z.enum(DRIFT_REACTIONS).default('record'),
      networkOf: z.custom<(address: string) => string>((value) => typeof value === 'function').default(() => networkOf),
      agentOf: z.custom<(userAgent: string) => string>((value) => typeof value === 'function').default(() => agentOf),
    })
    .prefault({}),
  trustProxyHops: z.int().min(0).max(32).default(0),
  nodeName: z.string().min(1).max(255).optional(),
  cache: z
    .strictObject({ maxSessions: z.int().min(1).default(100_000), maxBytes: z.int().min(1).default(268_435_456) })
    .prefault({}),
  data: z
    .strictObject({
      maxBytes: z.int().min(2).max(MOST_DATA_BYTES).default(MAX_DATA_BYTES),
      schema: z.custom<DataSchema>(isDataSchema, 'must be a Standard Schema').optional(),
    })
    .prefault({}),
  history: z.strictObject({ dataValues: z.boolean().default(false) }).prefault({}),
  locks: z.strictObject({ leaseMs: ms(5_000, 100) }).prefault({}),
  warmUp: z.strictObject({ sessions: z.int().min(0).default(0), withinMs: ms(5_000) }).prefault({}),
  logRetentionMs: z
    .int()
    .min(LEAST_LOG_RETENTION_MS, `must be at least ${LEAST_LOG_RETENTION_MS}: nodes read the log up to an hour later`)
    .max(LONGEST_LIFETIME_MS)
    .default(90 * DAY_MS),
  cleanup: z
    .strictObject({
      enabled: z.boolean().default(true),
      intervalMs: ms(600_000),
      retentionMs: z
        .int()
        .min(LEAST_LOG_RETENTION_MS, `must be at least ${LEAST_LOG_RETENTION_MS}: nodes may still know the session`)
        .max(LONGEST_LIFETIME_MS)
        .default(90 * DAY_MS),
      inactiveAfterMs: z.int().min(1).max(LONGEST_LIFETIME_MS).optional(),
      scrubAddressesAfterMs: z.int().min(0).max(LONGEST_LIFETIME_MS).optional(),
      scrubLiveAddresses: z.boolean().default(false),
    })
    .prefault({}),
  pending: z.strictObject({ timeLimitMs: ms(600_000), maxPerUser: z.int().min(1).max(1_000).default(5) }).prefault({}),
  suspension: z.strictObject({ slot: z.enum(['keep', 'free']).default('keep') }).prefault({}),
  undo: z
    .strictObject({
      windowMs: z
        .int()
        .min(0)
        .max(LONGEST_UNDO_MS, `must be at most ${LONGEST_UNDO_MS}: later the user signs in again`)
        .default(0),
    })
    .prefault({}),
  accountEvents: z
    .strictObject({
      passwordChanged: EFFECT.default(ACCOUNT_EFFECT_DEFAULTS.passwordChanged),
      factorChanged: EFFECT.default(ACCOUNT_EFFECT_DEFAULTS.factorChanged),
      roleChanged: EFFECT.default(ACCOUNT_EFFECT_DEFAULTS.roleChanged),
      lockedOut: EFFECT.default(ACCOUNT_EFFECT_DEFAULTS.lockedOut),
      disabled: EFFECT.default(ACCOUNT_EFFECT_DEFAULTS.disabled),
      deleted: EFFECT.default(ACCOUNT_EFFECT_DEFAULTS.deleted),
    })
    .prefault({}),
  jobs: z
    .strictObject({
      enabled: z.boolean().default(true),
      secondApprover: z
        .union([z.boolean(), z.custom<SecondApproverRule>((value) => typeof value === 'function')])
        .default(false),
      approvalWithinMs: ms(DAY_MS),
      takeOverAfterMs: ms(5_000, 100),
    })
    .prefault({}),
  listeners: z
    .strictObject({
      maxAttempts: z.int().min(1).max(100).default(10),
      retryMs: ms(1_000),
      deadlineMs: ms(30_000),
      leaseMs: ms(15_000, 100),
    })
    .prefault({}),
  webhooks: z.array(WEBHOOK_SCHEMA).default([]),
  notices: z
    .strictObject({
      message: z.custom<NoticeWording>((value) => typeof value === 'function').default(() => englishNotice),
    })
    .prefault({}),
  hookDeadlineMs: ms(5_000),
  questionLifetimeMs: ms(120_000),
  migrate: z.boolean().default(true),
  store: given<SessionStore>(),
  extractors: z.array(z.custom<CredentialExtractor>((value) => typeof value === 'object' && value !== null)).optional(),
  rpcHeaders: z.custom<RpcHeadersReader>((value) => typeof value === 'function').optional(),
  deviceResolver: given<DeviceResolver>(),
  locationResolver: given<LocationResolver>(),
  clocks: given<ProcessClocks>(),
});

export type ParsedOptions = z.infer<typeof OPTIONS>;

/** Some libraries make functions of them. */
function isDataSchema(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const { '~standard': standard } = value as Partial<DataSchema>;
  return standard?.version === 1 && typeof standard.validate === 'function';
}

function isRedisUrl(text: string): boolean {
  return /^(rediss?|unix):\/\/./.test(text) && (text.startsWith('unix:') || URL.canParse(text));
}
