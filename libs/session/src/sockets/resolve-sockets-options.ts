import type { Type } from '@nestjs/common';
import { z } from 'zod';
import { IdentitySessionError } from '../core/errors.js';
import type { ConnectionStore } from '../store/connection-store.js';
import { isOrigin } from '../nest/csrf/cross-site.js';
import type { ResolvedOptions } from '../nest/options/resolve-options.js';
import type { SessionSocketsOptions } from './session-sockets-options.js';
import type { SocketHooks } from './socket-hooks.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

const ms = (fallback: number) => z.int().min(1).max(LONGEST_TIMER_MS).default(fallback);
const most = (fallback: number) => z.int().min(1).max(1_000_000).default(fallback);

/** Unknown keys are refused: a misspelt limit must not become no limit. */
const OPTIONS = z.strictObject({
  allowedOrigins: z
    .array(z.string().refine(isOrigin, 'must be an origin like https://app.example.com, without a path'))
    .optional(),
  anonymous: z.boolean().default(false),
  onSignOut: z.enum(['disconnect', 'detach']).default('disconnect'),
  inboundIsActivity: z.boolean().default(false),
  whenUnverifiable: z.enum(['disconnect', 'keep']).default('disconnect'),
  maxPayloadBytes: z.int().min(1_024).max(104_857_600).default(65_536),
  handshakeTimeoutMs: ms(10_000),
  heartbeatIntervalMs: ms(30_000),
  heartbeatTimeoutMs: ms(90_000),
  registry: z
    .custom<Registry>(isRegistry, { message: 'must be postgres, redis, memory or a ConnectionStore' })
    .optional(),
  adapter: z.enum(['postgres', 'redis', 'none']).optional(),
  maxNodeMessageBytes: z.int().min(1_024).max(16_777_216).default(65_536),
  nodeAnswerTimeoutMs: ms(1_000),
  hooks: z.custom<Type<SocketHooks>>((value) => typeof value === 'function', 'must be a class').optional(),
  maxQueuedMessages: most(1_000),
  limits: z
    .strictObject({
      perSession: most(20),
      perUser: most(100),
      perNode: most(100_000),
      anonymousPerAddress: z.int().min(0).max(1_000_000).default(100),
    })
    .prefault({}),
});

type Registry = 'postgres' | 'redis' | 'memory' | ConnectionStore;

function isRegistry(value: unknown): value is Registry {
  if (typeof value === 'object' && value !== null) return typeof (value as { beat?: unknown }).beat === 'function';
  return value === 'postgres' || value === 'redis' || value === 'memory';
}

/** The options, complete and checked. */
export type ResolvedSocketsOptions = Omit<z.infer<typeof OPTIONS>, 'allowedOrigins' | 'registry'> & {
  readonly registry: Registry;
  readonly allowedOrigins: readonly string[];
};

/** @throws IdentitySessionError `CONFIGURATION_INVALID`, naming every problem and its remedy */
export function resolveSocketsOptions(
  options: SessionSocketsOptions,
  { csrf, redis, store }: Pick<ResolvedOptions, 'csrf' | 'redis' | 'store'>,
): ResolvedSocketsOptions {
  const parsed = OPTIONS.safeParse(options);
  const problems = parsed.success
    ? problemsOf(parsed.data, redis !== undefined)
    : parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`);
  if (!parsed.success || problems.length > 0) {
    throw invalidSocketsOptions(problems);
  }
  const { allowedOrigins = [...csrf.allowedOrigins], registry = store === undefined ? 'postgres' : 'memory' } =
    parsed.data;
  return { ...parsed.data, allowedOrigins, registry };
}

function problemsOf(options: z.infer<typeof OPTIONS>, hasRedis: boolean): string[] {
  const { heartbeatIntervalMs, heartbeatTimeoutMs, onSignOut, anonymous, registry } = options;
  return [
    ...(heartbeatTimeoutMs <= heartbeatIntervalMs
      ? [
          `heartbeatTimeoutMs is ${heartbeatTimeoutMs}, but must be more than heartbeatIntervalMs (${heartbeatIntervalMs})`,
        ]
      : []),
    ...(onSignOut === 'detach' && !anonymous
      ? ['onSignOut is detach, but connections without a session are not let in; set anonymous']
      : []),
    ...(registry === 'redis' && !hasRedis
      ? ['registry is redis, but IdentitySessionModule has no redis; give it redis: { url }']
      : []),
  ];
}

export function invalidSocketsOptions(problems: readonly string[]): IdentitySessionError {
  const list = problems.map((problem) => `- ${problem}`).join('\n');
  return new IdentitySessionError('CONFIGURATION_INVALID', `The options of sessionSockets are not valid:\n${list}`);
}
