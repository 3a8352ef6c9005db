import type { EntityManager } from 'typeorm';
import type { SessionRecord } from '../../core/session.js';
import { SessionWriter } from '../../nest/sign-in/session-writer.js';
import type { SessionStore } from '../../store/session-store.js';
import { type Sabotage, withoutRows, withVerbs, writerWith } from './sabotage-parts.spec-support.js';

/** Whoever comes last has it, whatever it was made from. */
const OverwritingData = writerWith((store) => ({
  replaceData: async (replacement, note) => {
    const { records } = await store.findMany([replacement.id]);
    return store.replaceData({ ...replacement, fromVersion: records[0]?.dataVersion ?? 0 }, note);
  },
}));

const SparingSuspended = writerWith((store) => ({
  changeUserData: (subject, change, note) =>
    store.changeUserData(
      subject,
      (session) => (session.status === 'suspended' ? Promise.resolve(undefined) : change(session)),
      note,
    ),
}));

/** The node that changes data hears of it like all others. */
class ForgettingOwnData extends SessionWriter {
  override write<T>(
    manager: EntityManager | undefined,
    change: (store: SessionStore) => Promise<T>,
    changed: (outcome: T) => readonly SessionRecord[],
    done?: (outcome: T) => void,
  ): Promise<T> {
    let isOfData = false;
    const watched = (store: SessionStore): Promise<T> => {
      const replaceData: SessionStore['replaceData'] = (...given) => {
        isOfData = true;
        return store.replaceData(...given);
      };
      return change(withVerbs(store, { replaceData }));
    };
    return super.write(manager, watched, (outcome) => (isOfData ? [] : changed(outcome)), done);
  }
}

/** What keeps the data of sessions, each switched off alone. */
export const DATA_SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'the version that data was made from': {
    parts: { SessionWriter: OverwritingData },
    weights: { 'merge data': 30, 'set data': 20 },
  },
  'changes of data in the log': {
    parts: { connection: withoutRows('data_changed') },
    weights: { 'merge data': 20 },
    options: { strict: false },
  },
  'changes of data on their own node': {
    parts: { SessionWriter: ForgettingOwnData },
    weights: { 'merge data': 20, 'lose hints': 12 },
    options: { strict: false },
  },
  'data of what is suspended': {
    parts: { SessionWriter: SparingSuspended },
    weights: { suspend: 20, 'set user data': 20 },
  },
};
