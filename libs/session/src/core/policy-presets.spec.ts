import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { POLICY_PRESETS, policyPreset, type PolicyPresetName } from './policy-presets.js';
import { decide, validatePolicy, type LiveSession, type PolicyDecision } from './policy.js';
import { candidateOf, crowds, facts } from './policy.spec-support.js';
import type { SessionFacts } from './session.js';

const NAMES = Object.keys(POLICY_PRESETS) as PolicyPresetName[];
const limits = fc.integer({ min: 1, max: 4 });

/** What a preset does with each newcomer to each crowd, beside what it is expected to do. */
function compare(
  name: PolicyPresetName,
  expected: (live: readonly LiveSession[], newcomer: SessionFacts, limit: number) => PolicyDecision,
): void {
  fc.assert(
    fc.property(facts, crowds([]), limits, (own, live, limit) => {
      const policy = policyPreset(name, limit);
      expect(decide(policy, candidateOf(policy, own), live)).toEqual(expected(oldestFirst(live), own, limit));
    }),
  );
}

const oldestFirst = (live: readonly LiveSession[]): LiveSession[] =>
  [...live].sort((a, b) => a.createdAt - b.createdAt || a.sequence - b.sequence);

const admit = (evicted: readonly LiveSession[]): PolicyDecision => ({
  kind: 'admit',
  evict: evicted.map(({ id }) => id),
});

describe('policy presets', () => {
  it.each(['Unlimited', 'None'] as const)('%s admits everyone and ends nobody', (name) => {
    compare(name, () => admit([]));
  });

  it('LogoutFromSameTypeDevicesLimit ends the oldest of the same device type beyond the limit', () => {
    compare('LogoutFromSameTypeDevicesLimit', (live, { deviceType }, limit) => {
      const same = live.filter((session) => session.deviceType === deviceType);
      return admit(same.slice(0, Math.max(0, same.length + 1 - limit)));
    });
  });

  it('LogoutFromSameTypeDevices ends all others of the same device type, whatever limit is given', () => {
    compare('LogoutFromSameTypeDevices', (live, { deviceType }) =>
      admit(live.filter((session) => session.deviceType === deviceType)),
    );
  });

  it('LogoutFromAllDevices ends all others, whatever limit is given', () => {
    compare('LogoutFromAllDevices', (live) => admit(live));
  });

  it('RejectNew turns away who comes later than the limit', () => {
    compare('RejectNew', (live, _newcomer, limit) =>
      live.length < limit ? admit([]) : { kind: 'reject', full: live.map(({ id }) => id) },
    );
  });

  it.each(NAMES)('%s is valid, and its limit is 1 where none is given', (name) => {
    expect(validatePolicy(policyPreset(name))).toEqual(policyPreset(name, 1));
  });

  it('refuses an unknown name and tells the known ones', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', 'none')), (name) => {
        fc.pre(!NAMES.includes(name as PolicyPresetName));
        expect(() => policyPreset(name)).toThrow(
          expect.objectContaining({ code: 'CONFIGURATION_INVALID', message: expect.stringContaining('RejectNew') }),
        );
      }),
    );
  });
});
