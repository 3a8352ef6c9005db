import { isLive } from '../../core/lifecycle.js';
import type { SessionData, SessionRecord, SessionSubject } from '../../core/session.js';
import { type DataChange, type DataReplacement, loggedDataChange } from '../session-data.js';
import type { ChangeNote } from '../session-store.js';
import { byId } from './session-query.js';
import { noted, type SessionTable } from './session-table.js';
import { handedOut, jsonCopy } from './stored-session.js';

/** Replaces the data of one session, unless it is suspended or was changed meanwhile. */
export function replaceData(
  table: SessionTable,
  { id, fromVersion, ...change }: DataReplacement,
  note: ChangeNote,
): SessionRecord | undefined {
  const [session] = table.liveInScope({ kind: 'all' }, id);
  const [done] = table.keyed({ kind: 'all' }, id, 'data_changed', note);
  if (done !== undefined) return handedOut(done);
  if (session?.dataVersion !== fromVersion || session.status === 'suspended') return undefined;
  return write(table, session, change, note);
}

/** As in a transaction: where anything of the user has changed while `change` was asked, it is asked anew. */
export async function changeUserData(
  table: SessionTable,
  subject: SessionSubject,
  change: (session: SessionRecord) => Promise<DataChange | undefined>,
  note: ChangeNote,
): Promise<SessionRecord[]> {
  for (;;) {
    const before = liveOf(table, subject);
    const changes: [SessionRecord, DataChange][] = [];
    for (const session of before) {
      const answer = await change(handedOut(session));
      if (answer !== undefined) changes.push([session, answer]);
    }
    const now = liveOf(table, subject);
    const isSame = ({ id, version }: SessionRecord, n: number) => id === before[n]?.id && version === before[n].version;
    if (now.length === before.length && now.every(isSame)) {
      // Revoked ones keep what they had, and would bring it back.
      table.settleUndo(subject);
      return changes.map(([session, answer]) => write(table, session, answer, note));
    }
  }
}

function liveOf(table: SessionTable, { tenantId, userId }: SessionSubject): SessionRecord[] {
  return table
    .effective()
    .filter((session) => session.tenantId === tenantId && session.userId === userId && isLive(session.status))
    .sort(byId);
}

function write(table: SessionTable, session: SessionRecord, change: DataChange, note: ChangeNote): SessionRecord {
  const data: SessionData = jsonCopy(change.data);
  const changes = { data, dataVersion: session.dataVersion + 1 };
  return table.change(session, changes, 'data_changed', noted(note), table.now(), loggedDataChange(change));
}
