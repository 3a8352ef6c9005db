import type { ArgumentsHost } from '@nestjs/common';
import type { TextCodec } from '../../core/codec.js';
import type { ProcessClocks } from '../../sync/node-clock.js';
import type { Lifetimes } from '../../core/expiry.js';
import type { ConcurrentLoginPolicy } from '../../core/policy.js';
import type { AssuranceLevel, SessionFacts } from '../../core/session.js';
import type { TokenKey } from '../../core/token.js';
import type { JobFilter, JobKind } from '../../store/session-jobs.js';
import type { SessionScope, SessionStore } from '../../store/session-store.js';
import type { AccountEffect } from '../account/account-event.js';
import type { CredentialExtractor } from '../credential/credential.js';
import type { DataSchema } from '../data/data-schema.js';
import type { DriftOptions } from '../drift/drift-options.js';
import type { DeviceResolver } from '../device/device-resolver.js';
import type { NoticeWording } from '../notices/session-notice.js';
import type { WebhookOptions } from '../webhooks/webhook-options.js';
import type { LocationResolver } from '../device/location-resolver.js';

/** Who signs in, for a policy that depends on it. Roles are the application's and are not stored. */
export interface PolicyContext extends SessionFacts {
  readonly roles: readonly string[];
}

/** Chooses the policy of one sign-in. Asked before the transaction; the decision itself is made under the lock. */
export type PolicyResolver = (context: PolicyContext) => ConcurrentLoginPolicy | Promise<ConcurrentLoginPolicy>;

/**
 * Gives the headers of an RPC message, such as `{ authorization: 'Bearer …' }`: of its context, or of its payload where the
 * transport has none. Nothing but text counts. Called for every guarded message: it must neither wait nor throw.
 *
 * Messages are told apart by context and payload. A transport may hand one context to all its messages where each has an
 * object of its own for a payload; what has both in common, and other headers, is refused.
 */
export type RpcHeadersReader = (message: ReturnType<ArgumentsHost['switchToRpc']>) => object | null | undefined;

/** What a job would be about. */
export interface JobAsked {
  readonly kind: JobKind;
  readonly filter: JobFilter;
  readonly scope: SessionScope;
  readonly max: number | null;
  /** Sessions that match now. */
  readonly matched: number;
  readonly reason: string;
  readonly by: string | null;
}

/** True for a job that somebody else must approve. Must neither wait nor throw. */
export type SecondApproverRule = (job: JobAsked) => boolean;

/** The ways that hints can take. */
export type HintKind = 'postgres' | 'redis' | 'in-process' | 'off';

/** What an application may set. Everything has a default; times are whole milliseconds. */
export interface IdentitySessionOptions {
  /** How many sessions at once, and what gives way. Default: unlimited. */
  readonly policy?: ConcurrentLoginPolicy | PolicyResolver;
  readonly lifetimes?: {
    /** A session that nobody uses for so long ends. At least 2 × `syncIntervalMs` + `idleMarginMs`. Default 86 400 000 (24 h). */
    readonly idleTimeoutMs?: number;
    /** A session ends after so long, however it is used. Default 2 592 000 000 (30 d). */
    readonly absoluteLifetimeMs?: number;
    /** For "remember me". Default: the absolute lifetime for both limits. */
    readonly rememberMe?: Partial<Lifetimes>;
    /** Exceptions by client id. Default: none. */
    readonly clients?: Readonly<Record<string, Partial<Lifetimes>>>;
  };
  /**
   * The level of assurance (NIST SP 800-63B-4) that sessions are to meet: `aal2` for 24 hours and 1 hour without access,
   * `aal3` for 12 hours and 15 minutes. Gives the defaults of `lifetimes`; what is looser is a warning at start. What not
   * even `aal1` allows, more than 30 days, is one in any case. Default: none.
   */
  readonly assuranceLevel?: AssuranceLevel;
  /**
   * Who ends other sessions of their own over REST must have proved who they are within this many milliseconds, else 403
   * `SESSION_NOT_FRESH`. Default 0: not asked.
   */
  readonly endOthersMaxAgeMs?: number;
  /** An access is in the database after this long at the latest. Default 600 000, with `aal3` 300 000. */
  readonly syncIntervalMs?: number;
  /** Other nodes are told of a session's accesses at most this often, where there is a shared cache. Default 60 000. */
  readonly keepAccessMs?: number;
  /** How long before the idle limit an access is in the database at the latest. Default 5 000; lower it in tests only. */
  readonly idleMarginMs?: number;
  /** The longest that a node may answer from memory without having asked the database. Default 5 000. */
  readonly maxStalenessMs?: number;
  /**
   * A refusal for which the database was asked takes at least this long, so that its time does not tell whether there is
   * such a session. Default 5; 0 is off.
   */
  readonly refusalMs?: number;
  /** Every check asks the database, as `@StrictSession()` has a route do. Default false. */
  readonly strict?: boolean;
  /** Each node reads the change log at least this often. Default 1 000. */
  readonly tailIntervalMs?: number;
  /**
   * How other nodes are told at once that there is something to read. Default `redis` where `redis` is given, else
   * `postgres`, by NOTIFY. `in-process` reaches the modules of this process alone.
   */
  readonly hints?: HintKind;
  /** Where hints go and where nodes share what they know. Needs the package `redis`. Default: none. */
  readonly redis?: {
    /** `redis://`, `rediss://` or `unix://`, with user and password if need be. */
    readonly url: string;
    /** What its keys and its channel begin with. Default `identity-session`. */
    readonly namespace?: string;
    /** A call is given up after this long. Default 100. */
    readonly deadlineMs?: number;
  };
  /** Nodes share what they know in Redis. Default true where `redis` is given. */
  readonly sharedCache?: boolean;
  /** Where the change log is read from: past a transaction pooler. Default: where the DataSource connects to. */
  readonly directUrl?: string;
  /** An operation of the store fails after this long without an answer. Default 5 000. */
  readonly storeDeadlineMs?: number;
  /** Authenticate tokens, so that a forged one costs no I/O. The first signs. Default: none. */
  readonly tokenKeys?: readonly TokenKey[];
  /** Wrap what leaves the server, one after the other, and take it off what comes back in reverse. See `docs/hooks.md`. */
  readonly codecs?: {
    /** Of tokens, as cookies, headers and sockets carry them. Default: none. */
    readonly token?: readonly TextCodec[];
    /** Of sessions' ids, wherever they leave or come in: paths, JSON, cursors, exports, sockets, webhooks. Default: none. */
    readonly id?: readonly TextCodec[];
  };
  readonly rotation?: {
    /** A token in use is replaced after this long, at least `graceMs`. Default 0: only where rights change. */
    readonly intervalMs?: number;
    /** The token before a rotation is admitted for this long, for requests that are on their way. Default 30 000. */
    readonly graceMs?: number;
    /** What the use of an older token after the grace leads to, beside 401. Default `revoke`: the session is ended. */
    readonly onReuse?: 'revoke' | 'refuse';
  };
  readonly cookie?: {
    /** What the cookie is called. Default `__Host-session`, or `session` without TLS. */
    readonly name?: string;
    /** False only in development over plain http. Default true. */
    readonly secure?: boolean;
    /** Whether the cookie comes along when somebody follows a link from another site. Default `lax`: it does. */
    readonly sameSite?: 'lax' | 'strict';
  };
  /** Who may have a browser change something with the session's cookie: pages of which origins. */
  readonly csrf?: {
    /** Whether requests are asked where they come from. Default true. */
    readonly enabled?: boolean;
    /** Beside the application's own, like `https://app.example.com`; compared exactly. Default: none. */
    readonly allowedOrigins?: readonly string[];
    /** Pages of sibling subdomains may, where the browser says so. Default false. */
    readonly allowSameSite?: boolean;
  };
  /** What becomes of a session that is used from another address or by another user agent. */
  readonly drift?: DriftOptions;
  /** How many proxies in front of the application write X-Forwarded-For. Default 0: the header is ignored. */
  readonly trustProxyHops?: number;
  /** Stored as the node on which a session began. Default: host name and process id. */
  readonly nodeName?: string;
  readonly cache?: {
    /** The most sessions that a node keeps in memory. Default 100 000. */
    readonly maxSessions?: number;
    /** And the most memory that it takes for them, in bytes. Default 268 435 456 (256 MiB). */
    readonly maxBytes?: number;
  };
  /** What applications keep with their sessions. */
  readonly data?: {
    /** The most that the data of one session takes as JSON, in bytes; at most 1 048 576. Default 16 384. */
    readonly maxBytes?: number;
    /**
     * Checks data as a whole, at sign-in and after each change; what it answers is stored, so it must take its own answers.
     * Of any library that speaks Standard Schema, like zod. Default: any JSON object.
     */
    readonly schema?: DataSchema;
  };
  /** What the change log tells of changes, for as long as it is kept. */
  readonly history?: {
    /** Keeps the values of changed members of session data, before and after, and not only their names. Default `false`. */
    readonly dataValues?: boolean;
  };
  readonly locks?: {
    /** A lock of `SessionLocks` whose process has died is free after this long; it is renewed in a third. Default 5 000. */
    readonly leaseMs?: number;
  };
  /** Sessions that are loaded into memory before the node serves: those that were used last. */
  readonly warmUp?: {
    /** At most `cache.maxSessions`. Default 0: off. */
    readonly sessions?: number;
    /** The start waits no longer for it. Default 5 000. */
    readonly withinMs?: number;
  };
  /**
   * Changes stay in the log for this long: it is audit trail and outbox too. Default 7 776 000 000 (90 days), at least
   * 7 200 000 (2 hours).
   */
  readonly logRetentionMs?: number;
  /** Ends sessions whose users never come again, and forgets what has been kept long enough. */
  readonly cleanup?: {
    /** Whether this node takes part. `SessionCleanup.run()` works either way. Default true. */
    readonly enabled?: boolean;
    /** A run begins this often on each node; nodes share the work. Default 600 000. */
    readonly intervalMs?: number;
    /** Ended sessions are kept for this long. Default 7 776 000 000 (90 days), at least 7 200 000 (2 hours). */
    readonly retentionMs?: number;
    /**
     * Ends sessions that nobody has used for this long, whatever their idle limit: those that are remembered, say. At
     * least 2 × `syncIntervalMs` + `idleMarginMs`. Default: none.
     */
    readonly inactiveAfterMs?: number;
    /** Removes addresses and location this long after the session ended. Default: with the session. */
    readonly scrubAddressesAfterMs?: number;
    /** Also of live sessions, what was not seen for `scrubAddressesAfterMs`. Default false. */
    readonly scrubLiveAddresses?: boolean;
  };
  /** Sign-ins that wait for more than the credentials. */
  readonly pending?: {
    /** What such a sign-in has time for, unless it says otherwise itself. Default 600 000. */
    readonly timeLimitMs?: number;
    /** How many of one user may wait; the oldest beyond are rejected as `superseded`. Default 5. */
    readonly maxPerUser?: number;
  };
  readonly suspension?: {
    /** Whether a suspended session counts against limits: `keep` or `free`. Resuming one that does not asks the policy. Default `keep`. */
    readonly slot?: 'keep' | 'free';
  };
  readonly undo?: {
    /**
     * For so long after its end an administrator's revocation can be undone: the client gets a new session in place of the
     * revoked one. At most an hour; 0: not at all. Default 0.
     */
    readonly windowMs?: number;
  };
  /**
   * What happens to the user's sessions when something happens to the account (`AccountEvents`): `end-all`, `end-others`,
   * `rotate` or `refresh-data`.
   */
  readonly accountEvents?: {
    /** A new password. Default `end-others`. */
    readonly passwordChanged?: AccountEffect;
    /** A second factor was added, replaced or removed. Default `end-others`. */
    readonly factorChanged?: AccountEffect;
    /** Other rights. Default `refresh-data`. */
    readonly roleChanged?: AccountEffect;
    /** Locked after too many failures. Default `end-all`. */
    readonly lockedOut?: AccountEffect;
    /** The account was disabled. Default `end-all`. */
    readonly disabled?: AccountEffect;
    /** The account was deleted. Default `end-all`. */
    readonly deleted?: AccountEffect;
  };
  /** Work on many sessions at once (`SessionJobs`). */
  readonly jobs?: {
    /** Whether this node works on jobs; it can ask for them either way. Default true. */
    readonly enabled?: boolean;
    /** Whether somebody other than who asks for a job must approve it, for all jobs or as a function says. Default false. */
    readonly secondApprover?: boolean | SecondApproverRule;
    /** A job that nobody has approved for so long is cancelled. Default 86 400 000 (24 h). */
    readonly approvalWithinMs?: number;
    /** A node that has given no sign of life for so long is taken for dead, and another goes on. Default 5 000. */
    readonly takeOverAfterMs?: number;
  };
  /** Listeners that are told of every event at least once (`@DurableSessionListener`). */
  readonly listeners?: {
    /** An event that has failed so often is put aside as a dead letter. Default 10. */
    readonly maxAttempts?: number;
    /** The pause before the second attempt; each next one is twice as long, 5 minutes at most. Default 1 000. */
    readonly retryMs?: number;
    /** A listener that takes longer for an event has failed. Default 30 000. */
    readonly deadlineMs?: number;
    /** A node that has given no sign of life for so long is taken for dead, and another goes on. Default 15 000. */
    readonly leaseMs?: number;
  };
  /**
   * Where session events are posted to, signed as Standard Webhooks are, each at least once. See `docs/hooks.md`. Default: none.
   */
  readonly webhooks?: readonly WebhookOptions[];
  /** What users are told of their sessions (`SessionHooks.onNotice`). */
  readonly notices?: {
    /** Puts a notice into words. What is not cleaned in its facts is as whoever signed in has given it. Default: in English. */
    readonly message?: NoticeWording;
  };
  /** A hook that takes longer has failed. Default 5 000. */
  readonly hookDeadlineMs?: number;
  /** How long a question of the policy (`ask`) can be answered. Default 120 000. */
  readonly questionLifetimeMs?: number;
  /** Makes and updates the module's tables at start, safely with many nodes. Default true. */
  readonly migrate?: boolean;
  /** In place of PostgreSQL on the DataSource; for tests. Default: none. */
  readonly store?: SessionStore;
  /** Asked in order for the credential of a request. Default: bearer, then cookie. */
  readonly extractors?: readonly CredentialExtractor[];
  /** Where an RPC message has its headers. Default: in the context of its transport, where that has `headers`. */
  readonly rpcHeaders?: RpcHeadersReader;
  /** Tells device type and name of a sign-in that does not say them. Default: by user agent and client hints. */
  readonly deviceResolver?: DeviceResolver;
  /** Tells where an address is. Default: nobody does. */
  readonly locationResolver?: LocationResolver;
  /** The clocks of the process; for tests. Default: the system's. */
  readonly clocks?: ProcessClocks;
}
