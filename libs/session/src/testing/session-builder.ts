import { randomBytes, randomUUID } from 'node:crypto';
import type { SessionFacts } from '../core/session.js';
import { newSessionId, systemTokenSource } from '../core/token.js';
import type { Admission } from '../store/session-store.js';

/** What a test wants to say about an admission; everything else is made up. */
export type AdmissionOverrides = Partial<Omit<Admission, 'facts'>> & { readonly facts?: Partial<SessionFacts> };

const HOUR_MS = 3_600_000;

/**
 * A valid admission: of a user that nobody else has (unless `facts` names one), on the web, without limits, with an
 * hour of idle timeout and a day of absolute lifetime. Its token is known to nobody.
 */
export function admissionOf({ facts, ...overrides }: AdmissionOverrides = {}): Admission {
  return {
    id: newSessionId(systemTokenSource, Date.now()),
    facts: {
      tenantId: null,
      userId: `user-${randomUUID()}`,
      clientId: null,
      deviceType: 'web',
      deviceId: null,
      ...facts,
    },
    policy: [],
    tokenDigest: randomDigest(),
    deviceName: null,
    userAgent: null,
    ip: null,
    location: null,
    impersonator: null,
    rememberMe: false,
    assurance: 'aal1',
    idleTimeoutMs: HOUR_MS,
    absoluteLifetimeMs: 24 * HOUR_MS,
    data: {},
    replaces: null,
    answer: null,
    question: { ticketDigest: randomDigest(), lifetimeMs: HOUR_MS },
    ...overrides,
  };
}

/** As long as the SHA-256 of a token or ticket, and equal to none. */
export function randomDigest(): Uint8Array {
  return Uint8Array.from(randomBytes(32));
}
