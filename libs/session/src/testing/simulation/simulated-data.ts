import { isDeepStrictEqual } from 'node:util';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { Session } from '../../nest/session/session.js';
import type { CommittedVersion, SimulatedDatabase } from './simulated-database.js';
import { nameOf } from './simulated-history.js';
import type { SimulatedNode } from './simulated-node.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import { changedMembers } from './simulated-slots.js';

/** The member that is set for a whole user. */
export const OF_USER = 'role';

/** What was promised of the data of sessions: nothing is lost, and everybody sees it in time. */
export class SimulatedData {
  /** By life of a node and session: the newest version that it has acknowledged. */
  readonly #acknowledgedOn = new Map<SimulatedProcess, Map<string, number>>();

  constructor(
    private readonly database: SimulatedDatabase,
    private readonly violated: (what: string) => void,
  ) {}

  /** Somebody was told on this node that a member of the session has the value. */
  acknowledged(node: SimulatedNode, { id, dataVersion, data }: Session, member: string, value: string): void {
    const versions = this.database.history.get(id) ?? [];
    const who = `${node.process.name} says that ${nameOf({ data })} has ${value}`;
    if (data[member] !== value) this.violated(`${who}, and gives other data`);
    if (!versions.some(({ record }) => record.data[member] === value)) this.violated(`${who}, which it never had`);
    const known = this.#acknowledgedOn.get(node.process) ?? new Map<string, number>();
    this.#acknowledgedOn.set(node.process, known.set(id, Math.max(dataVersion, known.get(id) ?? 0)));
  }

  /** The newest version that this life of the node has acknowledged. */
  knownOn(node: SimulatedNode, id: string): number {
    return this.#acknowledgedOn.get(node.process)?.get(id) ?? 0;
  }

  /**
   * @param known what the node had acknowledged when the request came
   * @param meanwhile what the session was at any time at which the node may have read it
   */
  judge(node: SimulatedNode, seen: Session, known: number, meanwhile: readonly CommittedVersion[]): void {
    const who = `${node.process.name} shows version ${seen.dataVersion} of the data of ${nameOf(seen)}`;
    if (seen.dataVersion < known) this.violated(`${who} after it has acknowledged version ${known}`);
    const isThere = ({ record }: CommittedVersion): boolean =>
      record.dataVersion === seen.dataVersion && isDeepStrictEqual(record.data, seen.data);
    if (!meanwhile.some(isThere)) this.violated(`${who}, which is older than it may be, or never was`);
  }

  /** Each change gives one member a new value. Whatever was changed besides has lost somebody else's change. */
  committed({ record }: CommittedVersion): void {
    const before = this.database.history.get(record.id)?.at(-2)?.record;
    if (before === undefined) return;
    const members = changedMembers(before, record);
    const expected = record.dataVersion - before.dataVersion;
    if (members.length !== expected || expected > 1) {
      this.violated(`${nameOf(record)} has changed ${members.join(', ')} in ${expected} versions of its data`);
    }
    if (members.includes(OF_USER)) this.#judgeUser(record);
  }

  /** What is said of a user is said of all of its sessions, suspended ones too. */
  #judgeUser({ userId, data }: SessionRecord): void {
    const { database } = this;
    for (const other of database.rows.values()) {
      const lives = isLive(other.status) && database.cutOffSince(other) === undefined;
      if (other.userId !== userId || !lives || other.data[OF_USER] === data[OF_USER]) continue;
      this.violated(`${userId} was given ${String(data[OF_USER])}, and ${nameOf(other)} was not`);
    }
  }
}
