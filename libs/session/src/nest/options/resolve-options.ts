import { hostname } from 'node:os';
import { lifetimesOfLevel, looserThan } from '../../core/assurance-lifetimes.js';
import { IdentitySessionError } from '../../core/errors.js';
import { idleProblems, resolveLifetimes } from '../../core/lifetime-rules.js';
import { type ConcurrentLoginPolicy, validatePolicy } from '../../core/policy.js';
import { systemClocks } from '../../sync/node-clock.js';
import type { DeviceResolver } from '../device/device-resolver.js';
import { NoLocationResolver } from '../device/location-resolver.js';
import { UserAgentDeviceResolver } from '../device/user-agent-device-resolver.js';
import type { IdentitySessionOptions } from './identity-session-options.js';
import {
  cleanupProblems,
  redisProblems,
  rotationProblems,
  warmUpProblems,
  webhookProblems,
} from './option-problems.js';
import { OPTIONS } from './options-schema.js';
import type { ResolvedOptions } from './resolved-options.js';

export type { ResolvedOptions } from './resolved-options.js';

const SYNC_INTERVAL_MS = 600_000;
/** Fits an idle limit of 15 minutes. */
const SHORT_SYNC_INTERVAL_MS = 300_000;

/**
 * Fills in defaults and refuses what cannot work, before anything starts.
 * @throws IdentitySessionError `CONFIGURATION_INVALID`, naming every problem and its remedy
 */
export function resolveOptions(options: IdentitySessionOptions): ResolvedOptions {
  const parsed = OPTIONS.safeParse(options);
  if (!parsed.success) {
    throw invalid(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`));
  }
  const { data } = parsed;
  const policy = typeof data.policy === 'function' ? data.policy : validatePolicy(data.policy as ConcurrentLoginPolicy);
  const level = data.assuranceLevel;
  const givenLifetimes = level === undefined ? data.lifetimes : lifetimesOfLevel(data.lifetimes, level);
  const lifetimes = resolveLifetimes(givenLifetimes);
  const syncIntervalMs = data.syncIntervalMs ?? (level === 'aal3' ? SHORT_SYNC_INTERVAL_MS : SYNC_INTERVAL_MS);
  const problems = [
    ...idleProblems(lifetimes, syncIntervalMs, data.idleMarginMs),
    ...redisProblems(data),
    ...webhookProblems(data),
    ...cleanupProblems(data.cleanup, 2 * syncIntervalMs + data.idleMarginMs),
    ...rotationProblems(data.rotation),
    ...warmUpProblems(data),
  ];
  if (problems.length > 0) throw invalid(problems);
  const deviceResolver: DeviceResolver = data.deviceResolver ?? new UserAgentDeviceResolver();
  return Object.freeze({
    ...data,
    policy,
    lifetimes,
    givenLifetimes,
    syncIntervalMs,
    warnings: looserThan(level ?? 'aal1', lifetimes),
    nodeName: data.nodeName ?? `${hostname()}:${process.pid}`,
    hints: data.hints ?? (data.redis === undefined ? 'postgres' : 'redis'),
    redis: data.redis,
    sharedCache: data.sharedCache ?? data.redis !== undefined,
    directUrl: data.directUrl,
    store: data.store,
    extractors: data.extractors,
    rpcHeaders: data.rpcHeaders,
    deviceResolver,
    locationResolver: data.locationResolver ?? new NoLocationResolver(),
    clocks: data.clocks ?? systemClocks,
  });
}

function invalid(problems: readonly string[]): IdentitySessionError {
  return new IdentitySessionError(
    'CONFIGURATION_INVALID',
    `The options of IdentitySessionModule are not valid:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
  );
}
