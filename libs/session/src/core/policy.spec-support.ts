import fc from 'fast-check';
import type { Candidate, ConcurrentLoginPolicy, Constraint, LiveSession, Scope } from './policy.js';
import { scopeKeysFor } from './policy.js';
import { DEVICE_TYPES, type DeviceType, type SessionFacts } from './session.js';

/** One subject, since a decision never sees two. */
export const facts: fc.Arbitrary<SessionFacts> = fc.record({
  tenantId: fc.constant(null),
  userId: fc.constant('alice'),
  clientId: fc.constantFrom(null, 'shop', 'admin'),
  deviceType: fc.constantFrom(...DEVICE_TYPES),
  deviceId: fc.constantFrom(null, 'd1', 'd2'),
});

export const byDevice: Scope = function byDevice(session) {
  return session.deviceId ?? 'none';
};

const exemptions: readonly NonNullable<Constraint['exempt']>[] = [
  function otherDevices(session) {
    return session.deviceType === 'other';
  },
  function theAdminClient(session) {
    return session.clientId === 'admin';
  },
];

const limits = fc.oneof(
  fc.integer({ min: 1, max: 4 }),
  fc.dictionary(fc.constantFrom(...DEVICE_TYPES), fc.integer({ min: 1, max: 3 }), {
    noNullPrototype: true,
    minKeys: 1,
  }),
);

/** Constraints of every kind; which ways of dealing with a full scope they use can be narrowed. */
export function constraints(
  ways: readonly Constraint['whenFull'][] = ['evict-oldest', 'evict-least-recently-used', 'evict-all', 'reject', 'ask'],
): fc.Arbitrary<Constraint> {
  return fc
    .record({
      scope: fc.constantFrom<Scope>('subject', 'deviceType', 'client', byDevice),
      limit: limits,
      whenFull: fc.constantFrom(...ways),
      exempt: fc.option(fc.constantFrom(...exemptions), { nil: undefined }),
    })
    .map(({ exempt, ...rest }) => (exempt === undefined ? rest : { ...rest, exempt }));
}

export const policies: fc.Arbitrary<ConcurrentLoginPolicy> = fc.array(constraints(), { maxLength: 4 });

/** Sessions as any earlier policies may have left them: more than the limits allow, with ties of both times. */
export function crowds(policy: ConcurrentLoginPolicy, maxLength = 10): fc.Arbitrary<LiveSession[]> {
  const times = fc.integer({ min: 0, max: 5 });
  return fc
    .array(fc.record({ own: facts, createdAt: times, lastAccessedAt: times }), { maxLength })
    .map((members) => members.map(({ own, ...at }, index) => sessionOf(policy, own, index, at)));
}

export function sessionOf(
  policy: ConcurrentLoginPolicy,
  own: SessionFacts,
  sequence: number,
  at: { readonly createdAt: number; readonly lastAccessedAt: number },
): LiveSession {
  return { ...own, ...at, id: `s${sequence}`, sequence, isProtected: false, scopeKeys: scopeKeysFor(policy, own) };
}

export function candidateOf(policy: ConcurrentLoginPolicy, own: SessionFacts): Candidate {
  return { ...own, scopeKeys: scopeKeysFor(policy, own) };
}

/** What `fc.property` needs to try a decision: a policy, who comes in and who is there. */
export const situations = (
  policy: fc.Arbitrary<ConcurrentLoginPolicy> = policies,
): fc.Arbitrary<{ policy: ConcurrentLoginPolicy; candidate: Candidate; live: LiveSession[] }> =>
  policy.chain((chosen) =>
    fc.record({
      policy: fc.constant(chosen),
      candidate: facts.map((own) => candidateOf(chosen, own)),
      live: crowds(chosen),
    }),
  );

/**
 * The other sessions that a constraint counts together with `session`, said a second time and in other words than the
 * code under test says it.
 */
export function groupOf<Facts extends SessionFacts>(
  constraint: Constraint,
  session: SessionFacts,
  others: readonly Facts[],
): { readonly max: number; readonly members: Facts[] } {
  const sameValue = (other: SessionFacts): boolean => {
    if (constraint.scope === 'subject') return true;
    if (constraint.scope === 'deviceType') return other.deviceType === session.deviceType;
    if (constraint.scope === 'client') return other.clientId === session.clientId;
    return constraint.scope(other) === constraint.scope(session);
  };
  const [bucket, max] = countedAs(constraint, session.deviceType);
  const counted = (other: SessionFacts): boolean => countedAs(constraint, other.deviceType)[0] === bucket;
  const exempt = (other: SessionFacts): boolean => constraint.exempt?.(other) ?? false;
  if (exempt(session)) return { max: Infinity, members: [] };
  return { max, members: others.filter((other) => sameValue(other) && counted(other) && !exempt(other)) };
}

function countedAs({ limit }: Constraint, type: DeviceType): [bucket: string, max: number] {
  if (typeof limit === 'number') return ['all', limit];
  if (limit[type] !== undefined) return [type, limit[type]];
  return limit.other === undefined ? [`unlimited ${type}`, Infinity] : ['other', limit.other];
}

/** True where every constraint holds for everyone who is there. */
export function everyLimitHolds(policy: ConcurrentLoginPolicy, live: readonly SessionFacts[]): boolean {
  return policy.every((constraint) =>
    live.every((session) => {
      const { max, members } = groupOf(constraint, session, live);
      return members.length <= max;
    }),
  );
}
