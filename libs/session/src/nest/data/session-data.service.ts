import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { isLive } from '../../core/lifecycle.js';
import { type DataPatch, mergePatch, withoutKeys } from '../../core/merge-patch.js';
import type { SessionData, SessionRecord, SessionSubject } from '../../core/session.js';
import { isSessionId } from '../../core/token.js';
import { contextOf as contextOfChange } from '../../store/change-context.js';
import { changedKeys, changedValues, type DataChange } from '../../store/session-data.js';
import type { ChangeNote } from '../../store/session-store.js';
import { storableIdentifier } from '../../store/storable-text.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import { SessionHookRunner } from '../hooks/session-hook-runner.js';
import type { HookContext, SessionChange } from '../hooks/session-hooks.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { withBufferedAccess } from '../session/buffered-session.js';
import { Session } from '../session/session.js';
import { notFound } from '../sign-in/not-found.js';
import { recordsOf, SessionWriter } from '../sign-in/session-writer.js';
import { Turns } from '../../store/turns.js';
import { DataRules } from './data-rules.js';
import type { DataChangeOptions, SessionDataSnapshot, UserDataChangeOptions } from './session-data.js';

/** Each loses to somebody else's change only; with so many in a row, somebody does nothing else. */
const MOST_ATTEMPTS = 25;
const LONGEST_PAUSE_MS = 50;

/** A session, or its id. */
export type SessionOrId<TData extends SessionData = SessionData> = Session<TData> | string;

/**
 * The data that an application keeps with a session: a JSON object. Reading it costs nothing, because it comes with the
 * session that every node has in memory; a change is durable when it resolves, this node has it at once and the others as
 * soon as they have every change: within milliseconds, and within `maxStalenessMs` whatever happens.
 *
 * Changes of one session never undo each other: without `ifVersion`, `merge` and `delete` are made of what is there, on
 * whichever node that was written. Sessions that have ended are `SESSION_NOT_FOUND`, suspended ones `SESSION_SUSPENDED`;
 * what breaks the limits or the schema of the option `data` is `VALIDATION_FAILED`. Data that would stay as it is, is not
 * written.
 */
@Injectable()
export class SessionDataService {
  /** Changes of one session on this node follow each other, or they would be each other's conflicts. */
  readonly #turns = new Turns();

  constructor(
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(KnownSessions) private readonly known: KnownSessions,
    @Inject(TouchBuffer) private readonly touches: TouchBuffer,
    @Inject(DataRules) private readonly rules: DataRules,
    @Inject(SessionHookRunner) private readonly hooks: SessionHookRunner,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'history'>,
  ) {}

  /** The data of a session as this node knows it now: frozen, without I/O and without a copy. */
  get<TData extends SessionData>(session: Session<TData>): TData {
    const record = this.known.trusted(session.id)?.record;
    return record !== undefined && record.dataVersion > session.dataVersion ? (record.data as TData) : session.data;
  }

  /**
   * Puts `data` in place of all that is there.
   * @throws IdentitySessionError `SESSION_DATA_CONFLICT` where the data is not of `ifVersion`, and as the class says
   */
  set<TData extends SessionData>(
    session: SessionOrId<TData>,
    data: TData,
    options: DataChangeOptions = {},
  ): Promise<Session<TData>> {
    return this.#change(session, options, () => data);
  }

  /**
   * Merges a patch into the data: members replace those of the same name, objects are merged, `null` deletes.
   * @throws as `set`; `SESSION_DATA_CONFLICT` without `ifVersion` only where others do nothing but change it
   * @see RFC 7396
   */
  async merge<TData extends SessionData>(
    session: SessionOrId<TData>,
    patch: DataPatch,
    options: DataChangeOptions = {},
  ): Promise<Session<TData>> {
    const given = this.rules.part(patch, 'patch');
    return this.#change(session, options, (data) => mergePatch(data, given));
  }

  /**
   * Removes top-level members; one that is not there is no mistake.
   * @throws as `merge`
   */
  delete<TData extends SessionData>(
    session: SessionOrId<TData>,
    keys: readonly string[],
    options: DataChangeOptions = {},
  ): Promise<Session<TData>> {
    return this.#change(session, options, (data) => withoutKeys(data, keys));
  }

  /**
   * Merges a patch into the data of every live session of a user, suspended ones too: a changed name or role, which the
   * next request of each shows. All or none: where one cannot hold the result, nothing is changed. No sign-in slips
   * between, and none of the user's is answered meanwhile; a schema that waits makes them wait.
   * @returns how many were changed
   * @throws IdentitySessionError `VALIDATION_FAILED`, `SESSION_STORE_UNAVAILABLE`, and `ISOLATION_LEVEL` in a transaction
   * that is not READ COMMITTED
   */
  async setUserData(subject: SessionSubject, patch: DataPatch, options: UserDataChangeOptions = {}): Promise<number> {
    const given = this.rules.part(patch, 'patch');
    return this.#changeUser(subject, options, (data) => mergePatch(data, given));
  }

  /**
   * Removes top-level members from the data of every live session of a user.
   * @returns how many were changed
   * @throws as `setUserData`
   */
  deleteUserData(
    subject: SessionSubject,
    keys: readonly string[],
    options: UserDataChangeOptions = {},
  ): Promise<number> {
    return this.#changeUser(subject, options, (data) => withoutKeys(data, keys));
  }

  /** The data as `get` has it, to come back to. */
  snapshot<TData extends SessionData>(session: Session<TData>): SessionDataSnapshot<TData> {
    const record = this.known.trusted(session.id)?.record;
    const { data, dataVersion } = record !== undefined && record.dataVersion > session.dataVersion ? record : session;
    return Object.freeze({ sessionId: session.id, dataVersion, data: data as TData });
  }

  /**
   * Puts back what a snapshot has. `ifVersion` is the `dataVersion` of the last change that is to be undone, as the caller
   * has seen it (that of the session that the change gave): where anybody has changed the data after it, nothing is
   * overwritten.
   * @throws IdentitySessionError `SESSION_DATA_CONFLICT` then, and as the class says
   */
  restore<TData extends SessionData>(
    snapshot: SessionDataSnapshot<TData>,
    options: DataChangeOptions & { readonly ifVersion: number },
  ): Promise<Session<TData>> {
    return this.#change(snapshot.sessionId, { reason: 'data_restored', ...options }, () => snapshot.data);
  }

  /** Before the next attempt: others are at the same session. */
  protected pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  async #change<TData extends SessionData>(
    session: SessionOrId<TData>,
    options: DataChangeOptions,
    make: (data: SessionData) => SessionData,
  ): Promise<Session<TData>> {
    const id = typeof session === 'string' ? session : session.id;
    if (!isSessionId(id)) throw notFound();
    if (!this.hooks.isEmpty) {
      const before = changeable(await this.writer.read(options.manager, id));
      await this.hooks.before('beforeChange', changeOf(before, noteOf(options)), contextOf(options));
    }
    const attempts = async (): Promise<Session<TData>> => {
      const record = await this.#attempt(id, options, make);
      return withBufferedAccess(record, this.touches) as Session<TData>;
    };
    // A transaction may hold what whoever has the turn waits for.
    return options.manager === undefined ? this.#turns.run(id, attempts) : attempts();
  }

  async #attempt(
    id: string,
    options: DataChangeOptions,
    make: (data: SessionData) => SessionData,
  ): Promise<SessionRecord> {
    const { manager, ifVersion } = options;
    const first = manager === undefined ? await this.#attemptFromMemory(id, options, make) : undefined;
    if (first !== undefined) return first;
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
      const current = changeable(await this.writer.read(manager, id));
      if (ifVersion !== undefined && current.dataVersion !== ifVersion) throw conflict(ifVersion, current);
      const change = await this.#changeOf(current, make);
      if (change === undefined) return current;
      const written = await this.#write(current, change, options);
      if (written !== undefined) return written;
      if (attempt > 1) await this.pause(Math.min(LONGEST_PAUSE_MS, 2 ** attempt) * Math.random());
    }
    throw new IdentitySessionError(
      'SESSION_DATA_CONFLICT',
      `The data of the session was changed by others ${MOST_ATTEMPTS} times in a row. Try again.`,
    );
  }

  /** What memory has saves a question. It may be old: nothing but a write that succeeds is concluded from it. */
  async #attemptFromMemory(
    id: string,
    options: DataChangeOptions,
    make: (data: SessionData) => SessionData,
  ): Promise<SessionRecord | undefined> {
    const record = this.known.trusted(id)?.record;
    if (record === undefined || !isChangeable(record)) return undefined;
    if (options.ifVersion !== undefined && options.ifVersion !== record.dataVersion) return undefined;
    const change = await this.#changeOf(record, make).catch(() => undefined);
    return change && this.#write(record, change, options);
  }

  #write(
    { id, dataVersion: fromVersion }: SessionRecord,
    change: DataChange,
    options: DataChangeOptions,
  ): Promise<SessionRecord | undefined> {
    const replacement = { id, fromVersion, ...change };
    const note = noteOf(options);
    return this.writer.write(
      options.manager,
      (store) => store.replaceData(replacement, note),
      recordsOf,
      (written) => {
        if (this.hooks.isEmpty || written === undefined) return;
        this.hooks.after('afterChange', changeOf(written, note), contextOf(options));
      },
    );
  }

  async #changeUser(
    { tenantId, userId }: SessionSubject,
    options: UserDataChangeOptions,
    make: (data: SessionData) => SessionData,
  ): Promise<number> {
    const subject = {
      tenantId: tenantId === null ? null : storableIdentifier(tenantId, 'tenantId'),
      userId: storableIdentifier(userId, 'userId'),
    };
    const change = (session: SessionRecord) => this.#changeOf(session, make);
    const note = noteOf(options);
    const { reason, by } = note;
    const hooked = { kind: 'user_data', session: null, ...subject, reason, by } as const;
    if (!this.hooks.isEmpty) await this.hooks.before('beforeChange', hooked, contextOf(options));
    const changed = await this.writer.write(
      options.manager,
      (store) => store.changeUserData(subject, change, note),
      (records) => records,
      (records) => {
        if (!this.hooks.isEmpty && records.length > 0) this.hooks.after('afterChange', hooked, contextOf(options));
      },
    );
    return changed.length;
  }

  /** `undefined` where the data would stay as it is. */
  async #changeOf(
    { data: before }: SessionRecord,
    make: (data: SessionData) => SessionData,
  ): Promise<DataChange | undefined> {
    const data = await this.rules.check(make(before));
    const keys = changedKeys(before, data);
    if (keys.length === 0) return undefined;
    return this.options.history.dataValues ? { data, keys, values: changedValues(before, data, keys) } : { data, keys };
  }
}

function noteOf({ reason = 'data_changed', by = null, ...options }: DataChangeOptions): ChangeNote {
  return { reason, by, ...contextOfChange(options) };
}

function changeOf(record: SessionRecord, note: ChangeNote): SessionChange {
  const { userId, tenantId } = record;
  const { reason, by } = note;
  return { kind: 'data', session: new Session(record), userId, tenantId, reason, by };
}

function contextOf({ manager }: UserDataChangeOptions): HookContext {
  return { request: undefined, manager };
}

function isChangeable({ status }: SessionRecord): boolean {
  return isLive(status) && status !== 'suspended';
}

function changeable(record: SessionRecord | undefined): SessionRecord {
  if (record === undefined || !isLive(record.status)) throw notFound();
  if (isChangeable(record)) return record;
  throw new IdentitySessionError('SESSION_SUSPENDED', 'The session is suspended: its data cannot be changed.');
}

function conflict(ifVersion: number, { dataVersion }: SessionRecord): IdentitySessionError {
  return new IdentitySessionError(
    'SESSION_DATA_CONFLICT',
    `The data of the session is of version ${dataVersion} and not ${ifVersion}: somebody has changed it meanwhile. ` +
      'Read it again.',
  );
}
