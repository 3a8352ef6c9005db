import type { ConcurrentLoginPolicy } from './policy.js';
import { IdentitySessionError } from './errors.js';

/** Policies by their well-known names. `limit` is read by those that have one. */
export const POLICY_PRESETS = {
  /** As many as anyone likes. */
  Unlimited: (): ConcurrentLoginPolicy => [],
  /** Alias of `Unlimited`. */
  None: (): ConcurrentLoginPolicy => [],
  /** At most `limit` on one device type; the oldest of that type goes. */
  LogoutFromSameTypeDevicesLimit: (limit: number): ConcurrentLoginPolicy => [
    { scope: 'deviceType', limit, whenFull: 'evict-oldest' },
  ],
  /** One on each device type; a sign-in ends all others of its type. */
  LogoutFromSameTypeDevices: (): ConcurrentLoginPolicy => [{ scope: 'deviceType', limit: 1, whenFull: 'evict-all' }],
  /** One in all; a sign-in ends all others. */
  LogoutFromAllDevices: (): ConcurrentLoginPolicy => [{ scope: 'subject', limit: 1, whenFull: 'evict-all' }],
  /** At most `limit` in all; who comes later is turned away. */
  RejectNew: (limit: number): ConcurrentLoginPolicy => [{ scope: 'subject', limit, whenFull: 'reject' }],
} as const satisfies Record<string, (limit: number) => ConcurrentLoginPolicy>;

export type PolicyPresetName = keyof typeof POLICY_PRESETS;

/**
 * The policy of a preset.
 * @throws IdentitySessionError `CONFIGURATION_INVALID` for an unknown name, naming the known ones.
 */
export function policyPreset(name: string, limit = 1): ConcurrentLoginPolicy {
  if (!Object.hasOwn(POLICY_PRESETS, name)) {
    throw new IdentitySessionError(
      'CONFIGURATION_INVALID',
      `"${name}" is no concurrent login strategy; use one of ${Object.keys(POLICY_PRESETS).join(', ')}.`,
    );
  }
  return POLICY_PRESETS[name as PolicyPresetName](limit);
}
