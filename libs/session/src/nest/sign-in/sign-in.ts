import type { EntityManager } from 'typeorm';
import type { Approvers } from '../../core/pending.js';
import type { AssuranceLevel, DeviceType, SessionData, SessionSubject } from '../../core/session.js';
import type { ChangeContext } from '../../store/change-context.js';
import type { Session } from '../session/session.js';

/** What a sign-in waits for. */
export interface RequirementInput {
  /** Unique in the sign-in: `second_factor`, `payment`. At most 100 characters. */
  readonly name: string;
  /** Who approves it, by `SessionAdminService.approve`. Absent: the application meets it, by `SessionService.complete`. */
  readonly approvers?: Approvers | undefined;
}

/** A sign-in of which more is required than the credentials. */
export interface PendingInput {
  /** 1 to 10. */
  readonly requirements: readonly RequirementInput[];
  /** Default: the option `pending.timeLimitMs`. */
  readonly timeLimitMs?: number | undefined;
}

/** Who signs in. The application has verified the credentials; this makes the session. */
export interface SignInInput {
  /** 1 to 255 characters, compared exactly. */
  readonly userId: string;
  readonly tenantId?: string | null | undefined;
  /** The application or OAuth client that the user signs in with. */
  readonly clientId?: string | null | undefined;
  /** Default: told from the request's headers. */
  readonly deviceType?: DeviceType | undefined;
  /** The application's own id of the device, to recognise it later. */
  readonly deviceId?: string | null | undefined;
  /** Default: told from the request's headers. Cut at 100 characters. */
  readonly deviceName?: string | null | undefined;
  /** Default: the request's. Cut at 512 characters. */
  readonly userAgent?: string | null | undefined;
  /** Default: the request's, through the configured proxy hops. */
  readonly ip?: string | null | undefined;
  readonly rememberMe?: boolean | undefined;
  /**
   * Who signs in as the user: a `Session` of theirs will do. Never from a request's body. Kept with the session, for
   * access rules and for whoever asks `session.impersonator`; no answer tells of it.
   */
  readonly impersonatedBy?: SessionSubject | null | undefined;
  /** Default `aal1`. */
  readonly assurance?: AssuranceLevel | undefined;
  /** Given to a policy resolver; stored only while the session is pending. */
  readonly roles?: readonly string[] | undefined;
  /** At most 16 KB as JSON. */
  readonly data?: SessionData | undefined;
  /**
   * Makes a session that is `pending` until all of this is met: it passes no guard but that of `@AllowPendingSession()`,
   * takes no slot and ends nobody, since whoever knows only the password must not put the user out.
   */
  readonly pending?: PendingInput | undefined;
  /**
   * Makes a protected session (break-glass): no limit ends it, it takes a right of its own to end or suspend it, and every
   * bulk end spares it. Never from a request's body. Default false.
   */
  readonly protected?: boolean | undefined;
  /** The answer to a policy that asked: its ticket and, if the user chose, what shall end, by the ids that the question had. */
  readonly answer?: { readonly ticket: string; readonly end?: readonly string[] } | undefined;
}

/** The request and response of a change, and the transaction that it is part of. All optional. */
export interface SessionExchange extends ChangeContext {
  /** Of Express, Fastify or Node. Tells device, address and the session that is replaced. */
  readonly request?: unknown;
  /** The cookie, or the `Session-Token` header for bearer clients, goes here. */
  readonly response?: unknown;
  /** How the client will present the token. Default: by cookie. */
  readonly transport?: 'cookie' | 'bearer' | undefined;
  /** Makes the change part of this manager's transaction; it shows with the commit. */
  readonly manager?: EntityManager | undefined;
}

export interface SignInResult {
  readonly session: Session;
  /** The only copy: for the client, and for nothing else. */
  readonly token: string;
  /** Ids of the sessions that the policy ended, in the order of its decision. */
  readonly evicted: readonly string[];
}

/** Whose session is to be restored: the request presents the token of the revoked one. */
export interface RestorationExchange extends SessionExchange {
  readonly request: unknown;
  /** The user's roles now. Absent: a policy that is resolved by them refuses. */
  readonly roles?: readonly string[] | undefined;
  /** The answer to a policy that asked at an earlier attempt. */
  readonly answer?: SignInInput['answer'];
}

/** What is done about a sign-in that is not complete. */
export interface CompletionExchange extends SessionExchange {
  /** What has been met now. Absent: only looks whether nothing is missing any more, after an approval say. */
  readonly requirement?: string | undefined;
  /** Who has met it. Default: the user. */
  readonly by?: string | null | undefined;
  /** The level that the session has reached by it, if that is higher. */
  readonly assurance?: AssuranceLevel | undefined;
  /** The answer to a policy that asked at an earlier attempt. */
  readonly answer?: SignInInput['answer'];
}

export interface CompletionResult {
  /** `active`, or still `pending`. */
  readonly session: Session;
  /** The only copy, in place of the one that has died; `null` while something is missing. */
  readonly token: string | null;
  /** The names of what is missing. */
  readonly missing: readonly string[];
  /** Ids of the sessions that the policy ended, in the order of its decision. */
  readonly evicted: readonly string[];
}
