import { ASSURANCE_LEVELS, type AssuranceLevel, type SessionRecord } from '../../core/session.js';
import { isSessionId } from '../../core/token.js';
import type { CredentialExtractor, IncomingHeadersCarrier } from './credential.js';

/**
 * What the application says of a request after it has verified where that comes from: the claims of a JWT, say. Anything
 * but the right text, `undefined` too, is answered with 401, so that claims can be given as they are.
 */
export interface VouchedSession {
  /** The `sid` claim: the id of the session. */
  readonly sessionId: unknown;
  /** The `sub` claim: must be the user of the session, exactly. */
  readonly userId: unknown;
  /** Must be the tenant of the session. Absent or `null`: the session must have none. */
  readonly tenantId?: unknown;
  /** The level that was proved to whoever issued the claims. The session counts for no more, and for no more than its own. */
  readonly assurance?: AssuranceLevel | undefined;
  /** When the user proved it, the `auth_time` claim as a date. The session counts for no fresher, and no fresher than it is. */
  readonly authenticatedAt?: Date | undefined;
}

/** A session that the application vouches for in place of a secret. Only `vouchForSession` makes one. */
export interface VouchedCredential {
  readonly kind: 'vouched';
  readonly sessionId: string;
  readonly userId: string;
  readonly tenantId: string | null;
  readonly assurance: AssuranceLevel | undefined;
  /** In milliseconds. */
  readonly authenticatedAt: number | undefined;
}

const VOUCHED = Symbol.for('nestjs-identity-session:vouched');

interface Vouched {
  readonly byRequest: WeakMap<object, VouchedCredential>;
  readonly all: WeakSet<object>;
}

/** What has been vouched for; one for all copies of this module in a process, as for the sessions of requests. */
const vouched = ((globalThis as { [VOUCHED]?: Vouched | undefined })[VOUCHED] ??= {
  byRequest: new WeakMap(),
  all: new WeakSet(),
});

/**
 * Says that a request belongs to a session, on the application's word alone: no secret is asked for. To be called in a
 * guard or middleware that comes before the session guard, with claims whose signature, issuer, audience and expiry it
 * has verified. It counts where `VouchedSessionExtractor` is among the extractors. A later call for the same request wins.
 *
 * The session is looked up like any other: revoked, it is refused within the same bound.
 */
export function vouchForSession(request: object, claims: VouchedSession): VouchedCredential {
  const credential = vouchFor(claims);
  vouched.byRequest.set(request, credential);
  return credential;
}

/** As `vouchForSession`, where there is no request that could carry it. */
export function vouchFor(claims: VouchedSession): VouchedCredential {
  const { sessionId, userId, tenantId, assurance, authenticatedAt } = claims;
  const credential: VouchedCredential = Object.freeze({
    kind: 'vouched',
    sessionId: textOf(sessionId),
    userId: textOf(userId),
    tenantId: tenantId === undefined || tenantId === null ? null : textOf(tenantId),
    assurance,
    authenticatedAt: authenticatedAt?.getTime(),
  });
  vouched.all.add(credential);
  return credential;
}

/**
 * Finds the session that the application has vouched for, and nothing of what the request says itself. To be put before
 * the extractors whose credentials it shall win over.
 */
export class VouchedSessionExtractor implements CredentialExtractor {
  extract(request: IncomingHeadersCarrier): VouchedCredential | undefined {
    // On Fastify middleware has Node's request, and guards have Fastify's.
    return vouched.byRequest.get(request) ?? (request.raw && vouched.byRequest.get(request.raw));
  }
}

/**
 * The id of the session that is vouched for; `undefined` for what is none, and for a credential that `vouchForSession` has
 * not given: an extractor that makes one from what it has read proves nothing.
 */
export function vouchedSessionId(credential: VouchedCredential): string | undefined {
  return vouched.all.has(credential) && isSessionId(credential.sessionId) ? credential.sessionId : undefined;
}

/** Whether a session is the one that was vouched for, of the same user and tenant. */
export function vouchesFor({ sessionId, userId, tenantId }: VouchedCredential, session: SessionRecord): boolean {
  return session.id === sessionId && session.userId === userId && session.tenantId === tenantId;
}

/** The session with at most the rights that were vouched for; the same one where that takes nothing away. */
export function limitedTo({ assurance, authenticatedAt }: VouchedCredential, session: SessionRecord): SessionRecord {
  const level = assurance === undefined ? session.assurance : lowerOf(assurance, session.assurance);
  const provedAt = Math.min(authenticatedAt ?? Number.POSITIVE_INFINITY, session.authenticatedAt);
  if (level === session.assurance && provedAt === session.authenticatedAt) return session;
  return { ...session, assurance: level, authenticatedAt: Number.isNaN(provedAt) ? 0 : provedAt };
}

/** An unknown level is the lowest. */
function lowerOf(a: AssuranceLevel, b: AssuranceLevel): AssuranceLevel {
  return ASSURANCE_LEVELS[Math.min(rankOf(a), rankOf(b))] ?? 'aal1';
}

function rankOf(level: AssuranceLevel): number {
  return Math.max(ASSURANCE_LEVELS.indexOf(level), 0);
}

function textOf(claim: unknown): string {
  return typeof claim === 'string' ? claim : '';
}
