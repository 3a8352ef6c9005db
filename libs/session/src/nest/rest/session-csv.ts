import type { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { type SessionJson, sessionToJson } from '../session/session-json.js';

/** All but who asks, what is no text, and what few have. */
type Column = Exclude<keyof SessionJson, 'current' | 'requirements' | 'protected' | 'restoredFrom'>;

const COLUMNS: Readonly<Record<Column, true>> = {
  id: true,
  userId: true,
  tenantId: true,
  clientId: true,
  deviceType: true,
  deviceName: true,
  userAgent: true,
  initialIp: true,
  lastIp: true,
  location: true,
  status: true,
  createdAt: true,
  authenticatedAt: true,
  lastAccessedAt: true,
  idleExpiresAt: true,
  expiresAt: true,
  assurance: true,
  endedAt: true,
  endReason: true,
  endedBy: true,
};
const NAMES = Object.keys(COLUMNS) as Column[];
const END = '\r\n';

/** The line with the names of the columns. */
export const CSV_HEADER = NAMES.join(',') + END;

/**
 * A line for each session: the keys of its JSON but `current`, `requirements`, `protected` and `restoredFrom`; no data and
 * no secret. @see RFC 4180
 */
export function csvOf(sessions: readonly Session[], ids: SessionIds): string {
  return sessions
    .map((session) => {
      const json = sessionToJson(session, null, ids);
      return NAMES.map((name) => csvCell(json[name])).join(',') + END;
    })
    .join('');
}

/** What a spreadsheet takes for the beginning of a formula, in the widths that Unicode has for it too. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/u;

/**
 * One cell. Names and user agents come from clients: what a spreadsheet would carry out gets an apostrophe in front, which
 * has it shown as text.
 * @see OWASP CSV Injection
 */
export function csvCell(value: string | null): string {
  if (value === null || value === '') return '';
  const text = FORMULA.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
