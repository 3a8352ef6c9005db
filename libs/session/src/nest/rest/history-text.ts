import type { SessionHistoryEntry, UserHistoryEntry } from '../../store/session-history.js';
import type { SessionIds } from '../session/session-ids.js';
import { historyToJson } from './session-history-json.js';

/**
 * One entry as one line of text: when, what, by whom, why, and what changed. Whatever is not a plain printable character
 * is escaped as in JSON, and what people have chosen is quoted: nobody's name makes a line, a field or an escape sequence
 * of a terminal of its own.
 */
export function historyLine(entry: SessionHistoryEntry | UserHistoryEntry, ids: SessionIds): string {
  const {
    at,
    type,
    version,
    actor,
    reason,
    changes = [],
    source,
    ip,
    tags = [],
    idempotencyKey,
  } = historyToJson(entry, ids);
  const parts = [
    at,
    plain(type),
    ...('sessionId' in entry && entry.sessionId !== null ? [`session=${ids.encode(entry.sessionId)}`] : []),
    ...(version === null ? [] : [`version=${version}`]),
    ...labelled('by', actor),
    ...labelled('source', source),
    ...labelled('ip', ip),
    ...labelled('reason', reason),
    ...tags.flatMap((tag) => labelled('tag', tag)),
    ...labelled('key', idempotencyKey),
    ...changes.map(({ field, from, to }) =>
      from === undefined && to === undefined ? `${name(field)}=?` : `${name(field)}: ${value(from)} -> ${value(to)}`,
    ),
  ];
  return `${parts.join(' ')}\n`;
}

function labelled(label: string, text: string | null | undefined): string[] {
  return text === null || text === undefined ? [] : [`${label}=${quoted(text)}`];
}

const value = (known: unknown): string => escaped(JSON.stringify(known ?? null));
const quoted = (text: string): string => escaped(JSON.stringify(text));
const isPlain = (text: string): boolean => /^[\w.-]+$/.test(text);
const plain = (text: string): string => (isPlain(text) ? text : quoted(text));
/** Names of members of data are the application's, or its users'. */
const name = (field: string): string => plain(field);

/** Whatever a terminal, an editor or a reader of lines could take for more than a character, beside what JSON escapes. */
function escaped(json: string): string {
  return json.replaceAll(/[^\x20-\x7e\p{L}\p{M}\p{N}\p{P}\p{S}]|\p{M}{4,}/gu, (odd) => unicodeEscape(odd));
}

function unicodeEscape(text: string): string {
  const units = Array.from({ length: text.length }, (_, n) => text.charCodeAt(n));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
