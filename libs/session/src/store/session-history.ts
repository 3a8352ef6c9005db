import type { LoggedContext } from './change-context.js';
import type { SessionScope } from './session-store.js';

/** What a session was, as a log row of it tells: the fields that a history is about. Nothing in it is secret. */
export interface LoggedState {
  readonly status: string;
  readonly [field: string]: unknown;
}

/** A field of a session that a change has changed. */
export interface FieldChange {
  /**
   * A key of the session, `holdsSlot`, `tokenGeneration`, `requirements.<name>` (how often it was met) or `data.<name>` of
   * a top-level member of its data.
   */
  readonly field: string;
  /**
   * What it was and what it is from then on, as JSON; `null` where it was or is absent. Of data both are only there with
   * the option `history.dataValues`.
   */
  readonly from?: unknown;
  readonly to?: unknown;
}

/** One change in the history of a session. */
export interface SessionHistoryEntry {
  /** Its place in the log; `null` for a cut-off whose end is not yet written into the session's row. */
  readonly id: string | null;
  /** As `SessionEventType` has it; a newer version of the module may know more. */
  readonly type: string;
  readonly at: number;
  /** The version that the session has from then on; `null` where `id` is. */
  readonly version: number | null;
  readonly reason: string | null;
  readonly actor: string | null;
  /** What changed, by name. Absent where that is not known: where the log has lost what was before. */
  readonly changes?: readonly FieldChange[];
  /** Where it came from; absent in rows that an earlier version has written. */
  readonly source?: string;
  /** The address of whoever made the change, for as long as addresses are kept. */
  readonly ip?: string;
  readonly tags?: readonly string[];
  readonly idempotencyKey?: string;
}

/** One change in the history of a user. */
export interface UserHistoryEntry extends SessionHistoryEntry {
  readonly id: string;
  /** `null` for a cut-off of the user, which is about all sessions. */
  readonly sessionId: string | null;
  readonly tenantId: string | null;
}

/** A part of a history, oldest first. */
export interface HistoryPage {
  /** 1 to 1 000. */
  readonly limit: number;
  /** The last entry of the page before, as decimal digits. */
  readonly after: string | null;
}

/** A store that finds the history of all sessions of a user. */
export interface UserHistoryStore {
  /**
   * What has happened to all sessions of a user in scope, as long as the log keeps it, in the order of the log. What
   * commits while one reads may come before what was read already. With `tenantId` only those of the tenant, or of none.
   */
  userHistory(
    scope: SessionScope,
    userId: string,
    page: HistoryPage,
    tenantId?: string | null,
  ): Promise<readonly UserHistoryEntry[]>;
}

export function keepsUserHistory<T extends object>(store: T): store is T & UserHistoryStore {
  return typeof (store as Partial<UserHistoryStore>).userHistory === 'function';
}

/** What a log row tells of a change. */
export interface LoggedChangeOfFields {
  readonly type: string;
  /** What the session was before; `null` where it was not, or where the log does not know. */
  readonly before: LoggedState | null;
  readonly after: LoggedState | null;
  /** Of `data_changed`: the names of the members. */
  readonly keys?: readonly string[] | undefined;
  /** Their values before and after, where those are kept. */
  readonly values?: Readonly<Record<string, DataValues>> | undefined;
}

/** The values of one member of the data around a change. */
export interface DataValues {
  readonly from: unknown;
  readonly to: unknown;
}

/** The changes of an entry, if they are known. */
export function fieldChanges({ type, before, after, keys, values }: LoggedChangeOfFields): {
  readonly changes?: readonly FieldChange[];
} {
  if (after === null || (before === null && type !== 'created')) return {};
  const changes = differences(before, after);
  for (const key of keys ?? []) {
    const known = values !== undefined && Object.hasOwn(values, key) ? values[key] : undefined;
    changes.push({ field: `data.${key}`, ...(known === undefined ? {} : { from: known.from, to: known.to }) });
  }
  return { changes };
}

/** The context of an entry, as it shows. */
export function shownContext(
  context: LoggedContext | null,
): Pick<SessionHistoryEntry, 'source' | 'ip' | 'tags' | 'idempotencyKey'> {
  if (context === null) return {};
  const { key, ...rest } = context;
  return key === undefined ? rest : { ...rest, idempotencyKey: key };
}

function differences(before: LoggedState | null, after: LoggedState): FieldChange[] {
  const was = flat(before ?? {});
  const is = flat(after);
  const names = new Set([...is.keys(), ...was.keys()]);
  return [...names].flatMap((field) => {
    const from = was.get(field) ?? null;
    const to = is.get(field) ?? null;
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ field, from, to }];
  });
}

/** Of objects, such as that of the requirements, each member is a field. */
function flat(state: object): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, value] of Object.entries(state)) {
    if (typeof value !== 'object' || value === null) fields.set(name, value);
    else
      for (const [inner, part] of Object.entries<unknown>(value as Record<string, unknown>))
        fields.set(`${name}.${inner}`, part);
  }
  return fields;
}
