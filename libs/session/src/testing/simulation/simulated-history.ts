import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { CommittedVersion, SimulatedDatabase } from './simulated-database.js';

/** What was committed, and when, on the true clock. */
export class SimulatedHistory {
  constructor(private readonly database: SimulatedDatabase) {}

  versions(id: string): readonly CommittedVersion[] {
    return this.database.history.get(id) ?? [];
  }

  /** Whether there is a version since then that has to be loaded. */
  hasChanged(id: string, since: number): boolean {
    return this.versions(id).some(({ at, isTouch }) => !isTouch && at >= since);
  }

  /** Not ended, and not cut off either. */
  lives(record: SessionRecord): boolean {
    return isLive(record.status) && this.database.cutOffSince(record) === undefined;
  }

  coveredSince(id: string): number | undefined {
    const record = this.database.rows.get(id);
    return record && this.database.cutOffSince(record);
  }

  /** When its end was committed, by its row or by a cut-off. */
  endOf(id: string): number | undefined {
    const written = this.versions(id).find(({ record }) => !isLive(record.status))?.at;
    const covered = this.coveredSince(id);
    return written === undefined || covered === undefined ? (written ?? covered) : Math.min(written, covered);
  }

  /** What the row was at any time in between. */
  during(id: string, from: number, to: number): CommittedVersion[] {
    const versions = this.versions(id);
    return versions.filter(({ at }, index) => at <= to && (versions[index + 1]?.at ?? Infinity) > from);
  }
}

/** As the trace calls it. */
export function nameOf({ data }: Pick<SessionRecord, 'data'>): string {
  return String(data['name']);
}
