import type { SessionRow } from './session-row.js';

/** Different texts that are kept at once; there are few browsers and many sessions. */
const MOST = 10_000;

/**
 * Has equal values of many rows be one in memory. The driver makes texts anew for each row, and a session that a node
 * keeps would take a third more for its user agent, its device's name and the like.
 */
export class SharedValues {
  readonly #texts = new Map<string, string>();
  readonly #lists = new Map<string, readonly string[]>();

  /** The same row, with texts that other rows have too. */
  in(row: SessionRow): SessionRow {
    const initialIp = row.initial_ip;
    return {
      ...row,
      device_type: this.#text(row.device_type),
      device_name: this.#optional(row.device_name),
      user_agent: this.#optional(row.user_agent),
      client_id: this.#optional(row.client_id),
      location: this.#optional(row.location),
      status: this.#text(row.status),
      assurance: this.#text(row.assurance),
      last_ip: row.last_ip === initialIp ? initialIp : row.last_ip,
      scope_keys: this.#list(row.scope_keys),
      data: Object.keys(row.data).length === 0 ? NO_DATA : row.data,
    };
  }

  #optional(text: string | null): string | null {
    return text === null ? null : this.#text(text);
  }

  #text<T extends string>(text: T): T {
    return kept(this.#texts, text, text) as T;
  }

  /** By length-prefixed text, so that no two lists are one by concatenation. */
  #list(texts: readonly string[]): readonly string[] {
    const key = texts.map((text) => `${text.length}:${text}`).join('');
    return kept(this.#lists, key, Object.freeze([...texts]));
  }
}

const NO_DATA = Object.freeze({});

function kept<T>(values: Map<string, T>, key: string, value: T): T {
  const present = values.get(key);
  if (present !== undefined) return present;
  if (values.size >= MOST) values.clear();
  values.set(key, value);
  return value;
}
