import type { EntityManager } from 'typeorm';
import type { SessionRecord } from '../../core/session.js';
import { SessionWriter } from '../../nest/sign-in/session-writer.js';
import type { SessionStore } from '../../store/session-store.js';
import type { ChangeLogConnection } from '../../sync/change-log.js';
import type { SimulatedAction } from './simulated-schedule.js';
import type { SimulatedParts, SimulationOptions } from './simulation-options.js';

/** A part without its safeguard, and what kind of schedules meet it. */
export interface Sabotage {
  readonly parts: Partial<SimulatedParts>;
  /** Makes the steps that matter more frequent; without, schedules are as everywhere else. */
  readonly weights?: Partial<Record<SimulatedAction, number>>;
  readonly options?: Omit<SimulationOptions, 'parts'>;
}

/** A writer that does some verbs of the store otherwise. */
export function writerWith(verbs: (store: SessionStore) => Partial<SessionStore>): typeof SessionWriter {
  return class extends SessionWriter {
    override write<T>(
      manager: EntityManager | undefined,
      change: (store: SessionStore) => Promise<T>,
      changed: (outcome: T) => readonly SessionRecord[],
      done?: (outcome: T) => void,
    ): Promise<T> {
      return super.write(manager, (store) => change(withVerbs(store, verbs(store))), changed, done);
    }
  };
}

/** A store that does some verbs otherwise. */
export function withVerbs(store: SessionStore, verbs: Partial<SessionStore>): SessionStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(Object.hasOwn(verbs, name) ? verbs : target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Reads what happened to sessions, and passes over rows of a type. */
export function withoutRows(type: string): (connection: ChangeLogConnection) => ChangeLogConnection {
  return (connection) => ({
    open: () => connection.open(),
    readSince: async (position) => {
      const read = await connection.readSince(position);
      return { ...read, changes: read.changes.filter((change) => change.type !== type) };
    },
    close: () => connection.close(),
  });
}
