import type { EntityManager } from 'typeorm';
import type { AssuranceLevel, DeviceType, SessionData, SessionSubject } from '../../core/session.js';
import type { Session } from '../session/session.js';

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
  /** Given to a policy resolver, not stored. */
  readonly roles?: readonly string[] | undefined;
  /** At most 16 KB as JSON. */
  readonly data?: SessionData | undefined;
  /** The answer to a policy that asked: its ticket and, if the user chose, what shall end. */
  readonly answer?: { readonly ticket: string; readonly end?: readonly string[] } | undefined;
}

/** The request and response of a change, and the transaction that it is part of. All optional. */
export interface SessionExchange {
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
