import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scopeKeysFor, validatePolicy, type Constraint, type Limit } from './policy.js';
import { byDevice, facts, policies } from './policy.spec-support.js';

const constraint = (own: Partial<Constraint>): Constraint => ({
  scope: 'subject',
  limit: 1,
  whenFull: 'reject',
  ...own,
});

const refusal = expect.objectContaining({ code: 'CONFIGURATION_INVALID', statusCode: 500 });

describe('validatePolicy', () => {
  it('returns what can be meant as it is', () => {
    fc.assert(
      fc.property(policies, (policy) => {
        expect(validatePolicy(policy)).toBe(policy);
      }),
    );
  });

  it.each<[string, Limit]>([
    ['zero', 0],
    ['negative', -1],
    ['half', 1.5],
    ['not a number', NaN],
    ['endless', Infinity],
    ['zero for a type', { web: 0 }],
    ['text for a type', { web: '3' as unknown as number }],
    ['undefined for a type', { web: undefined as unknown as number }],
    ['for an unknown type', { tablet: 1 } as Limit],
    ['for an inherited name', { constructor: 1 } as Limit],
  ])('refuses a limit that is %s', (_name, limit) => {
    expect(() => validatePolicy([constraint({}), constraint({ limit })])).toThrow(refusal);
  });

  it('refuses two functions under one name, and a name that another gets by its position', () => {
    const scope = byDevice;
    const named = (name: string): Constraint => constraint({ scope, name });
    expect(() => validatePolicy([named('a'), named('a')])).toThrow(refusal);
    expect(() => validatePolicy([constraint({ scope }), named('custom0')])).toThrow(refusal);
    expect(validatePolicy([named('a'), named('b'), constraint({ scope })])).toHaveLength(3);
  });

  it.each(['subject', 'deviceType', 'client', 'a:b', ':'])('refuses "%s" as the name of a function', (name) => {
    expect(() => validatePolicy([constraint({ scope: byDevice, name })])).toThrow(refusal);
  });
});

describe('scopeKeysFor', () => {
  const names = fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', ':', 'client', 'deviceType') });
  const values = fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', ':', 'web', '') });

  it('has the built-in scopes whatever the policy, so that a policy chosen later counts the session', () => {
    fc.assert(
      fc.property(policies, facts, (policy, own) => {
        const builtIn = ['subject', `deviceType:${own.deviceType}`, `client:${own.clientId ?? ''}`];
        expect(scopeKeysFor(policy, own)).toEqual(expect.arrayContaining(builtIn));
      }),
    );
  });

  it('gives a function with the same value the same key, and with another value another one', () => {
    const policy = [constraint({ scope: (session) => session.deviceId ?? '' })];
    fc.assert(
      fc.property(facts, values, values, (own, one, two) => {
        const [a, b] = [one, two].map((deviceId) => scopeKeysFor(policy, { ...own, deviceId }));
        expect(a!.join() === b!.join()).toBe(one === two);
      }),
    );
  });

  it('never gives two functions the same key, whatever they return', () => {
    fc.assert(
      fc.property(facts, names, names, values, values, (own, name, otherName, value, otherValue) => {
        const policy = [
          constraint({ scope: () => value, name }),
          constraint({ scope: () => otherValue, name: otherName }),
        ];
        fc.pre(isAccepted(policy));
        expect(new Set(scopeKeysFor(policy, own)).size).toBe(5);
      }),
    );
  });

  it('keeps the keys of a named function when the policy is reordered', () => {
    const named = ['a', 'b', 'c'].map((name) => constraint({ scope: byDevice, name }));
    fc.assert(
      fc.property(facts, fc.shuffledSubarray(named, { minLength: 3 }), (own, reordered) => {
        expect([...scopeKeysFor(reordered, own)].sort()).toEqual([...scopeKeysFor(named, own)].sort());
      }),
    );
  });
});

function isAccepted(policy: readonly Constraint[]): boolean {
  try {
    validatePolicy(policy);
    return true;
  } catch {
    return false;
  }
}
