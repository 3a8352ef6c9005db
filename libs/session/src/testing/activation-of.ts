import type { SessionRecord } from '../core/session.js';
import type { Activation } from '../store/session-activation.js';
import { randomDigest } from './session-builder.js';

const HOUR_MS = 3_600_000;

/** An activation of a session that waits, by everybody's right and without a policy, unless `overrides` says otherwise. */
export function activationOf(session: SessionRecord, overrides: Partial<Activation> = {}): Activation {
  return {
    scope: { kind: 'all' },
    id: session.id,
    facts: session,
    policy: [],
    idleTimeoutMs: HOUR_MS,
    absoluteLifetimeMs: 24 * HOUR_MS,
    answer: null,
    question: { ticketDigest: randomDigest(), lifetimeMs: HOUR_MS },
    completes: { fromGeneration: session.tokenGeneration, tokenDigest: randomDigest() },
    ...overrides,
  };
}
