import { randomUUID } from 'node:crypto';
import type { ConcurrentLoginPolicy, WhenFull } from '../../core/policy.js';
import type { SessionFacts, SessionRecord } from '../../core/session.js';
import type { AdmitOutcome, ChangeNote, SessionScope, SessionStore } from '../../store/session-store.js';
import { type AdmissionOverrides, admissionOf } from '../session-builder.js';
import type { TestTools } from '../test-tools.js';

/** A store to be tried, and the means to move time in it; one of the two is needed. */
export interface SessionStoreHarness {
  readonly store: SessionStore;
  /** Frees what the store holds. */
  close(): Promise<void>;
  /** Where the store's clock can be set: lets `ms` pass. */
  advance?(ms: number): void;
  /**
   * Where it cannot: makes one session older. Its creation moves to `createdAgoMs` before now and its absolute limit
   * moves along; its last access moves to `accessedAgoMs` before now.
   */
  ageSession?(id: string, age: { readonly createdAgoMs?: number; readonly accessedAgoMs?: number }): Promise<void>;
}

export type MakeSessionStore = () => Promise<SessionStoreHarness>;

/** One concept of the contract; registers its tests. */
export type ContractPart = (trial: StoreTrial, tools: TestTools) => void;

export type Admitted = Extract<AdmitOutcome, { kind: 'admitted' }>;

const SHORT_MS = 60_000;
/** Long enough for any grace that a store grants to accesses that are on their way. */
const LONG_PAST_MS = 5 * SHORT_MS;

/** The store of the running test, and the steps that many tests take. */
export class StoreTrial {
  #harness: SessionStoreHarness | undefined;

  constructor(private readonly makeStore: MakeSessionStore) {}

  async open(): Promise<void> {
    this.#harness = await this.makeStore();
  }

  async close(): Promise<void> {
    await this.#harness?.close();
    this.#harness = undefined;
  }

  get store(): SessionStore {
    return this.#opened().store;
  }

  /** A sign-in that is expected to be admitted. */
  async admit(overrides: AdmissionOverrides = {}): Promise<Admitted> {
    const outcome = await this.store.admit(admissionOf(overrides));
    if (outcome.kind !== 'admitted') throw new Error(`The sign-in was ${outcome.kind}, not admitted.`);
    return outcome;
  }

  async signIn(overrides: AdmissionOverrides = {}): Promise<SessionRecord> {
    return (await this.admit(overrides)).session;
  }

  /** Signs in `count` times, one after the other. */
  async signInTimes(count: number, overrides: AdmissionOverrides = {}): Promise<SessionRecord[]> {
    const sessions: SessionRecord[] = [];
    while (sessions.length < count) sessions.push(await this.signIn(overrides));
    return sessions;
  }

  /** A session whose idle or absolute limit has passed, though nobody has ended it. */
  async signInAndRunOut(limit: 'idle' | 'absolute', overrides: AdmissionOverrides = {}): Promise<SessionRecord> {
    const lifetimes = limit === 'idle' ? {} : { absoluteLifetimeMs: SHORT_MS };
    const session = await this.signIn({ idleTimeoutMs: SHORT_MS, ...lifetimes, ...overrides });
    const harness = this.#opened();
    if (harness.advance !== undefined) harness.advance(LONG_PAST_MS);
    else if (harness.ageSession !== undefined) {
      await harness.ageSession(session.id, { createdAgoMs: LONG_PAST_MS, accessedAgoMs: LONG_PAST_MS });
    } else throw new Error('The harness must have either advance or ageSession.');
    return session;
  }

  /** The session as the store has it now. */
  async read(id: string): Promise<SessionRecord> {
    const [session] = (await this.store.findMany([id])).records;
    if (session === undefined) throw new Error(`There is no session ${id}.`);
    return session;
  }

  async statusOf(...sessions: readonly Pick<SessionRecord, 'id'>[]): Promise<string[]> {
    const { records } = await this.store.findMany(sessions.map(({ id }) => id));
    const statuses = new Map(records.map(({ id, status }) => [id, status]));
    return sessions.map(({ id }) => {
      const status = statuses.get(id);
      if (status === undefined) throw new Error(`There is no session ${id}.`);
      return status;
    });
  }

  /** How many sessions of the subject hold a slot. */
  async liveOf({ tenantId, userId }: Pick<SessionFacts, 'tenantId' | 'userId'>): Promise<number> {
    return this.store.count({ scope: { kind: 'user', tenantId, userId }, status: 'live' });
  }

  /** Lets a few milliseconds pass on the store's clock. */
  async pass(ms: number): Promise<void> {
    const harness = this.#opened();
    const { store } = harness;
    const until = (await store.now()) + ms;
    harness.advance?.(ms);
    while ((await store.now()) < until) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  #opened(): SessionStoreHarness {
    if (this.#harness === undefined) throw new Error('The store is open during a test only.');
    return this.#harness;
  }
}

/** A user of a tenant, neither of which anybody else has. */
export function someone(): { readonly tenantId: string; readonly userId: string } {
  return { tenantId: `tenant-${randomUUID()}`, userId: `user-${randomUUID()}` };
}

/** One limit over all sessions of the subject. */
export function atMost(limit: number, whenFull: WhenFull): ConcurrentLoginPolicy {
  return [{ scope: 'subject', limit, whenFull }];
}

export const everywhere: SessionScope = { kind: 'all' };

export const note: ChangeNote = { reason: 'test_reason', by: 'test-actor' };

export const idsOf = (sessions: readonly Pick<SessionRecord, 'id'>[]): string[] => sessions.map(({ id }) => id);

/** The same ids in one order, where the store may choose any. */
export const sortedIdsOf = (sessions: readonly Pick<SessionRecord, 'id'>[]): string[] => idsOf(sessions).sort();

/** Digests as text, since stores differ in the kind of byte array that they give. */
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
