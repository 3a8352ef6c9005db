import { isDeepStrictEqual } from 'node:util';
import type { SessionData, SessionRecord, SessionSubject } from '../core/session.js';
import type { ChangeNote } from './session-store.js';
import type { DataValues } from './session-history.js';
import { storableText } from './storable-text.js';

/** New data, and the names of the top-level members in which it differs: what the log tells. */
export interface DataChange {
  /** Storable already. */
  readonly data: SessionData;
  readonly keys: readonly string[];
  /** What those members were and are, by name, where histories keep values. */
  readonly values?: Readonly<Record<string, DataValues>>;
}

/** New data of one session in place of what it had at `fromVersion`. */
export interface DataReplacement extends DataChange {
  readonly id: string;
  /** The `dataVersion` that `data` was made from; another one means that somebody else has changed it meanwhile. */
  readonly fromVersion: number;
}

/**
 * What stores do with the data of sessions. Each change is one row of type `data_changed` in the log, with the names of
 * what it changed; with values only where the change brings them.
 */
export interface SessionDataStore {
  /**
   * Replaces the data of one live session that is not suspended. `undefined` where there is none such with the id, or its
   * data is of another version.
   */
  replaceData(replacement: DataReplacement, note: ChangeNote): Promise<SessionRecord | undefined>;
  /**
   * Asks `change` about every live session of the user, suspended ones too, and stores what it answers; `undefined` leaves
   * a session as it is. Serialised with the admissions of the user, and all or nothing: what `change` throws has changed
   * nothing. It may be asked again after a conflict, and must not wait for long: meanwhile nobody signs in as the user.
   * Gives those that were changed.
   */
  changeUserData(
    subject: SessionSubject,
    change: (session: SessionRecord) => Promise<DataChange | undefined>,
    note: ChangeNote,
  ): Promise<readonly SessionRecord[]>;
}

/** Of one change, this many names are logged, each with this many characters. */
const MOST_NAMES = 100;
const LONGEST_NAME = 200;

/** The names of the top-level members in which two objects of plain JSON differ; empty where they do not. */
export function changedKeys(before: SessionData, after: SessionData): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const isChanged = (name: string): boolean =>
    Object.hasOwn(before, name) !== Object.hasOwn(after, name) || !isDeepStrictEqual(before[name], after[name]);
  return [...names].filter(isChanged).sort();
}

/** The values of changed members around a change. */
export function changedValues(
  before: SessionData,
  after: SessionData,
  keys: readonly string[],
): Record<string, DataValues> {
  const valueIn = (data: SessionData, key: string): unknown => (Object.hasOwn(data, key) ? data[key] : null);
  const values = keys.map((key) => [key, { from: valueIn(before, key), to: valueIn(after, key) }] as const);
  return Object.fromEntries<DataValues>(values);
}

/** What the log keeps of a change of data. */
export function loggedDataChange({ keys, values }: DataChange): {
  readonly keys: readonly string[];
  readonly values?: Readonly<Record<string, DataValues>>;
} {
  return { keys: loggedKeys(keys), ...(values === undefined ? {} : { values }) };
}

/** Names as the log keeps them. */
export function loggedKeys(keys: readonly string[]): string[] {
  return keys.slice(0, MOST_NAMES).map((key) => storableText(key, LONGEST_NAME) ?? '');
}
