import type { CutOffScope, StoredCutOff } from '../core/cut-off.js';
import type { EndedStatus, SessionStatus } from '../core/lifecycle.js';
import type { ConcurrentLoginPolicy } from '../core/policy.js';
import type {
  AssuranceLevel,
  DeviceType,
  SessionData,
  SessionFacts,
  SessionRecord,
  SessionSubject,
} from '../core/session.js';
import type { ActivateOutcome, Activation, Meeting, MeetOutcome, PendingAdmission } from './session-activation.js';
import type { ChangeContext } from './change-context.js';
import type { SessionDataStore } from './session-data.js';
import type { HistoryPage, SessionHistoryEntry } from './session-history.js';
import type { StoredSettings } from './settings-store.js';

/** Who caused a change and why; kept with the row and in the log, and there with where it came from. */
export interface ChangeNote extends ChangeContext {
  /** A short reason such as `password_changed`; at most 200 characters are kept. */
  readonly reason: string;
  /** The user, or what part of the system, that did it. */
  readonly by: string | null;
  /** Of an end alone: it can be undone for a while, if the session was active and not the actor's own. Default false. */
  readonly undoable?: boolean;
}

export type { HistoryPage, SessionHistoryEntry };

/** What settings at run time may change about a sign-in. */
export type AdmissionTerms = Pick<Admission, 'policy' | 'idleTimeoutMs' | 'absoluteLifetimeMs'>;

/** Everything about a session that is known before its sign-in is decided. Text is storable already. */
export interface Admission {
  /** Chosen by the caller, so that a retry after a lost answer finds its own session. */
  readonly id: string;
  readonly facts: SessionFacts;
  readonly policy: ConcurrentLoginPolicy;
  readonly tokenDigest: Uint8Array;
  readonly deviceName: string | null;
  readonly userAgent: string | null;
  readonly ip: string | null;
  readonly location: string | null;
  /** Who signs in as the user of the facts; `null` where users do so themselves. */
  readonly impersonator: SessionSubject | null;
  readonly rememberMe: boolean;
  /** A session that only a right of its own ends. Default: an ordinary one. */
  readonly isProtected?: boolean;
  readonly assurance: AssuranceLevel;
  readonly idleTimeoutMs: number;
  readonly absoluteLifetimeMs: number;
  readonly data: SessionData;
  /**
   * A session that the newcomer takes the place of, whoever it belongs to: it holds no slot, and it ends with the
   * admission and only with it.
   */
  readonly replaces: string | null;
  /** The answer to an earlier question; the ticket is used up by the attempt. */
  readonly answer: { readonly ticketDigest: Uint8Array; readonly end: readonly string[] } | null;
  /** Stored where the policy asks, so that the answer can be recognised once. */
  readonly question: { readonly ticketDigest: Uint8Array; readonly lifetimeMs: number };
  /**
   * Makes a session that waits: it holds no slot, asks no policy and ends nobody but what it replaces. Absent: an active
   * one.
   */
  readonly pending?: PendingAdmission | null;
  /** Kept with the log row of the new session. */
  readonly context?: ChangeContext;
  /**
   * What counts in place of policy and lifetimes where settings are stored: asked under the subject's lock by a store
   * that keeps some, with those of everybody and of the tenant. Pure, and does not throw.
   */
  readonly terms?: (stored: readonly StoredSettings[]) => AdmissionTerms;
}

export type AdmitOutcome =
  | {
      readonly kind: 'admitted';
      readonly session: SessionRecord;
      /** Ended by the policy, in the order of the decision. */
      readonly evicted: readonly SessionRecord[];
      /** Ended because the newcomer replaces it or because it had run out. */
      readonly ended: readonly SessionRecord[];
    }
  | { readonly kind: 'rejected'; readonly full: readonly SessionRecord[]; readonly ended: readonly SessionRecord[] }
  | {
      readonly kind: 'asked';
      readonly full: readonly SessionRecord[];
      readonly mustEnd: number;
      readonly ended: readonly SessionRecord[];
    };

/**
 * Which sessions an actor may see or change; part of every statement, never applied afterwards. `all`: an administrator;
 * `tenant`: a tenant's; `user`: an owner; `users`: a delegate of these; `impersonator`: who began sessions as somebody
 * else; `any`: whoever is several of these at once. Nobody named is nobody: an empty list reaches no session.
 */
export type SessionScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'tenant'; readonly tenantId: string }
  | { readonly kind: 'user'; readonly tenantId: string | null; readonly userId: string }
  | { readonly kind: 'users'; readonly users: readonly SessionSubject[] }
  | { readonly kind: 'impersonator'; readonly tenantId: string | null; readonly userId: string }
  | { readonly kind: 'any'; readonly of: readonly SessionScope[] };

/** The scope of whoever is narrowed by none. */
export const EVERYBODY: SessionScope = { kind: 'all' };

/** All given conditions hold at once. Absent means any; `null` for a tenant or client means "has none". */
export interface SessionFilter {
  readonly scope: SessionScope;
  readonly ids?: readonly string[];
  readonly exceptIds?: readonly string[];
  /** Only ids greater than this one: where a bulk goes on. */
  readonly afterId?: string;
  readonly tenantId?: string | null;
  readonly userId?: string;
  readonly clientId?: string | null;
  readonly deviceType?: DeviceType;
  /** The address that it began at or was last seen at. */
  readonly ip?: string;
  /** A prefix of its id, of its user's, or of the address that it began at or was last seen at. Not empty. */
  readonly q?: string;
  /**
   * `live` is pending, active and suspended; of these and of `active` those whose time is over are left out. `unended`
   * has them in: all that can still be ended.
   */
  readonly status?: SessionStatus | 'live' | 'unended';
  /** Only those that count against limits: active ones, and suspended ones that have kept their slot. */
  readonly holdsSlot?: true;
  /** Which protected sessions are among them: all where it is absent, none for `null`, else those within this scope. */
  readonly protectedWithin?: SessionScope | null;
  /** Only what began then or before, in milliseconds on the store's clock. */
  readonly createdUntil?: number;
}

/** A page of a list, ordered by creation and by id where that is the same. */
export interface CreationPage {
  /** 1 to 1 000. */
  readonly limit: number;
  readonly descending: boolean;
  readonly sort?: 'createdAt';
  /** The last session of the page before. */
  readonly after: { readonly createdAt: number; readonly id: string } | null;
}

/** Ordered by last access and id, without an index: for the sessions of one user. They move while they are in use. */
export interface AccessPage extends Pick<CreationPage, 'limit' | 'descending'> {
  readonly sort: 'lastAccessedAt';
  readonly after: { readonly lastAccessedAt: number; readonly id: string } | null;
}

export type Page = CreationPage | AccessPage;

/** One buffered access. */
export interface Touch {
  readonly id: string;
  /** Milliseconds on the database's clock. */
  readonly at: number;
  readonly ip: string | null;
}

export interface TouchOutcome {
  /** Live, but locked by someone else: to be tried again. */
  readonly skipped: readonly string[];
}

/** Records as the primary had them at `asOf`, on the database's clock. */
export interface Snapshot {
  readonly records: readonly SessionRecord[];
  readonly asOf: number;
}

/** Rotates the token of one session: the old one is dead at once, unless it is kept as the previous one. */
export interface Rotation {
  readonly id: string;
  /** The generation that the caller saw; another one means that somebody else rotated meanwhile. */
  readonly fromGeneration: number;
  readonly tokenDigest: Uint8Array;
  /** The user proved who they are again: moves `authenticatedAt`, and both limits with it. */
  readonly reauthenticated: boolean;
  readonly assurance?: AssuranceLevel;
  /** With a re-authentication: from where, and what the session's requests are compared with from then on. */
  readonly from?: { readonly userAgent: string | null };
  /**
   * Keeps the old token as the session's previous one, with the assurance that it had. With `hasSuccessor` the new token
   * derives from the old one and the row's salt, which stays; in every other rotation the salt changes too.
   */
  readonly previous?: { readonly hasSuccessor: boolean };
}

/**
 * What keeps sessions. Verbs are atomic, so that any backend can make them free of races. Each change raises the
 * version of the session and is logged in the same transaction (except `touchMany`). An error means that the store
 * failed (`SESSION_STORE_UNAVAILABLE`); expected outcomes are values. `undefined` means: no such session, or not one
 * that the change applies to.
 *
 * A live session that a cut-off covers is over, though its row is not written: it reads as `revoked` at the moment, for
 * the reason and by the actor of the cut-off, is listed and counted so, holds no slot, and no change applies to it.
 */
export interface SessionStore extends SessionDataStore {
  /**
   * Decides about a sign-in and carries it out, serialised with every other admission of the same subject. Counts those
   * sessions that hold a slot.
   */
  admit(admission: Admission): Promise<AdmitOutcome>;
  /** Ends one live session within the scope. */
  end(scope: SessionScope, id: string, status: EndedStatus, note: ChangeNote): Promise<SessionRecord | undefined>;
  /** Ends the first `limit` (at most 1 000) live sessions that match, in id order. Fewer than `limit` means: that was all. */
  endMany(
    filter: SessionFilter,
    status: EndedStatus,
    note: ChangeNote,
    limit: number,
  ): Promise<readonly SessionRecord[]>;
  /** Moves last access forward, never back and never ahead of the store's clock. Ended sessions stay untouched. */
  touchMany(touches: readonly Touch[]): Promise<TouchOutcome>;
  /**
   * Suspends an active session, or resumes a suspended one that has kept its slot; what has run out does not become active
   * any more. With `freesSlot` a suspended session counts against no limit, and comes back by `activate` alone. A protected
   * session that `protectedWithin` spares, as in a filter, stays as it is.
   */
  changeStatus(
    scope: SessionScope,
    id: string,
    to: 'active' | 'suspended',
    note: ChangeNote,
    freesSlot?: boolean,
    protectedWithin?: SessionScope | null,
  ): Promise<SessionRecord | undefined>;
  /** Notes that somebody has met a requirement of a pending session; `undefined` where there is none in scope. */
  meet(scope: SessionScope, meeting: Meeting): Promise<MeetOutcome | undefined>;
  /**
   * Makes a session active that holds no slot: a pending one of which nothing is missing, or a suspended one. Decided by
   * the policy like a sign-in, and serialised with every other admission of the subject.
   */
  activate(activation: Activation, note: ChangeNote): Promise<ActivateOutcome>;
  /** Names the device of a live session; not of a suspended one. */
  rename(
    scope: SessionScope,
    id: string,
    deviceName: string | null,
    note: ChangeNote,
  ): Promise<SessionRecord | undefined>;
  /** Of an active session. */
  rotate(rotation: Rotation, note: ChangeNote): Promise<SessionRecord | undefined>;
  /**
   * Ends every session of the scope that was admitted before, at once and in one row, however many they are. Whoever is
   * admitted after it has resolved is not covered, whatever the store's clock does; a sign-in that is under way falls on
   * either side. The rows are written by the next admission of each subject. A second cut-off of the same scope takes
   * the place of the first, and never goes back. Protected sessions are spared unless it includes them; what an earlier
   * one has ended of them stays ended.
   */
  cutOff(scope: CutOffScope, note: ChangeNote, includesProtected?: boolean): Promise<StoredCutOff>;
  /**
   * For the cleanup: forgets cut-offs that were made longer than `olderThanMs` ago and cover no live session. Give it at
   * least the longest absolute lifetime that is configured, and call it after what has run out was ended; a store that
   * keeps settings knows those that are stored, for whichever tenant, and goes by the longest of all. Gives the number
   * forgotten.
   */
  forgetCutOffs(olderThanMs: number): Promise<number>;
  /** From the primary, live or ended, in no order. */
  findMany(ids: readonly string[]): Promise<Snapshot>;
  /** The newest session of a user on a device, live or ended. */
  findLast(tenantId: string | null, userId: string, deviceId: string): Promise<SessionRecord | undefined>;
  /** True where a live session has the id. */
  exists(id: string): Promise<boolean>;
  /**
   * What has happened to a session, as long as the log keeps it; `undefined` where there is none with the id in scope. A
   * session that a cut-off has ended without anybody having written it down ends with an entry that has no id.
   */
  history(scope: SessionScope, id: string, page: HistoryPage): Promise<readonly SessionHistoryEntry[] | undefined>;
  /** By creation or last access, and id, from a key on. */
  list(filter: SessionFilter, page: Page): Promise<readonly SessionRecord[]>;
  count(filter: SessionFilter): Promise<number>;
  /**
   * The ids of the first `limit` (at most `MOST_IDS`) sessions that match, in id order: what a bulk of many pages is about,
   * found once. What follows is found by `afterId`.
   */
  listIds(filter: SessionFilter, limit: number): Promise<readonly string[]>;
  /** The store's own time in milliseconds; also proves that it answers. */
  now(): Promise<number>;
  /**
   * Runs `apply` once the changes made through this store so far are durable: at once, or, for a store bound to a
   * caller's transaction, after its commit and never after its rollback.
   */
  onCommitted(apply: () => void): void;
}

/** A store that can take part in a transaction of the application, given as its EntityManager. */
export interface TransactionalSessionStore<TManager> extends SessionStore {
  within(manager: TManager): SessionStore;
}

/** The most rows that one bulk statement changes. */
export const BULK_PAGE = 1_000;
/** The most ids that `listIds` gives; some megabytes. */
export const MOST_IDS = 100_000;
