import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type {
  CleanupBatch,
  CleanupRules,
  CleanupState,
  EndedVersion,
  WalkPage,
  WalkPosition,
  WalkRules,
} from '../session-cleanup.js';
import type { RecordedDrifts } from './recorded-drifts.js';
import { byId } from './session-query.js';
import type { StoredAddresses } from './stored-addresses.js';

/** What the cleanup does to the store that it belongs to. */
export interface InMemoryCleanupPorts {
  readonly sessions: Map<string, SessionRecord>;
  readonly addresses: StoredAddresses;
  readonly drifts: RecordedDrifts;
  /** Told of an ended session that loses its addresses. */
  readonly scrubbed: (id: string) => void;
  readonly now: () => number;
  /** The session as everybody sees it: what is cut off is over. */
  readonly effective: (session: SessionRecord) => SessionRecord;
  /** Writes down the end that a cut-off has made, or else ends the session as expired. Logs it. */
  readonly end: (session: SessionRecord, reason: string, now: number) => SessionRecord;
  /** Forgets the addresses in the log of a session, up to a moment; true where there were any. */
  readonly forgetOrigins: (id: string, before?: number) => boolean;
}

/** Ends and forgets what is in memory; every call runs to its end before the next begins. */
export class InMemoryCleanup {
  #walkedAt = Number.NEGATIVE_INFINITY;
  #lastRunAt: number | null = null;
  readonly #done = { ended: 0, removed: 0, scrubbed: 0 };
  /** Sessions that have lost their addresses. */
  readonly #scrubbed = new WeakSet<SessionRecord>();

  constructor(private readonly ports: InMemoryCleanupPorts) {}

  endDue({ graceMs, sparesIdle }: CleanupRules, limit: number): CleanupBatch {
    const now = this.ports.now();
    const due: [SessionRecord, string][] = [];
    for (const session of this.#live()) {
      if (due.length === limit) break;
      const isIdle = now >= session.lastAccessedAt + session.idleTimeoutMs + graceMs;
      if (this.#isCutOff(session) && (isIdle || now >= session.expiresAt)) due.push([session, '']);
      else if (now >= session.expiresAt) due.push([session, 'absolute_lifetime']);
      else if (isIdle && !sparesIdle) due.push([session, 'idle_timeout']);
    }
    return { ended: due.map(([session, reason]) => this.#end(session, reason, now)), seen: due.length };
  }

  endCutOff(limit: number): CleanupBatch {
    const now = this.ports.now();
    const covered = this.#live()
      .filter((session) => this.#isCutOff(session))
      .slice(0, limit);
    return { ended: covered.map((session) => this.#end(session, '', now)), seen: covered.length };
  }

  claimWalk(everyMs: number): boolean {
    const now = this.ports.now();
    if (this.#walkedAt > now - everyMs) return false;
    this.#walkedAt = now;
    return true;
  }

  walkLive(rules: WalkRules, after: WalkPosition | null, limit: number): WalkPage {
    const now = this.ports.now();
    const rest = this.#live()
      .filter((session) => after === null || byCreation(session, after) > 0)
      .sort(byCreation);
    const page = rest.slice(0, limit);
    const ended: EndedVersion[] = [];
    let scrubbed = 0;
    for (const session of page) {
      const isInactive = session.lastAccessedAt <= now - (rules.inactiveAfterMs ?? Infinity);
      if (isInactive && !rules.sparesIdle) ended.push(this.#end(session, 'inactive', now));
      else if (this.#scrubLive(session, now - (rules.scrubAfterMs ?? Infinity))) scrubbed += 1;
    }
    const last = page.length < limit ? undefined : page.at(-1);
    this.#done.scrubbed += scrubbed;
    return { ended, seen: page.length, scrubbed, last: last ?? null };
  }

  removeEnded(retentionMs: number, limit: number): number {
    const gone = this.#endedBefore(this.ports.now() - retentionMs).slice(0, limit);
    for (const { id } of gone) {
      this.ports.sessions.delete(id);
      this.ports.addresses.forget(id);
      this.ports.drifts.forget(id);
    }
    this.#done.removed += gone.length;
    return gone.length;
  }

  scrubEnded(afterMs: number, limit: number): number {
    const found = this.#endedBefore(this.ports.now() - afterMs)
      .filter((session) => !this.#scrubbed.has(session))
      .slice(0, limit);
    for (const session of found) {
      const bare = { ...session, initialIp: null, lastIp: null, location: null };
      this.#scrubbed.add(bare);
      this.ports.scrubbed(session.id);
      this.ports.sessions.set(session.id, bare);
      this.ports.addresses.forget(session.id);
      this.ports.drifts.forgetPlaces(session.id);
      this.ports.forgetOrigins(session.id);
    }
    this.#done.scrubbed += found.length;
    return found.length;
  }

  noteRun(): void {
    this.#lastRunAt = this.ports.now();
  }

  state(): CleanupState {
    return { lastRunAt: this.#lastRunAt, ...this.#done };
  }

  #live(): SessionRecord[] {
    return [...this.ports.sessions.values()].filter(({ status }) => isLive(status));
  }

  #isCutOff(session: SessionRecord): boolean {
    return this.ports.effective(session) !== session;
  }

  #endedBefore(moment: number): SessionRecord[] {
    return [...this.ports.sessions.values()].filter(({ endedAt }) => endedAt !== null && endedAt < moment);
  }

  #end(session: SessionRecord, reason: string, now: number): EndedVersion {
    this.#done.ended += 1;
    const { id, version } = this.ports.end(session, reason, now);
    return { id, version };
  }

  #scrubLive(session: SessionRecord, moment: number): boolean {
    const { id, initialIp, lastIp, location, lastAccessedAt } = session;
    if (session.createdAt > moment) return false;
    const isLeft = lastAccessedAt <= moment;
    const hadAddresses = this.ports.addresses.forget(id, moment);
    const hadOrigins = this.ports.forgetOrigins(id, moment);
    const hadMore = this.ports.drifts.forgetPlaces(id, moment) || hadAddresses || hadOrigins;
    if (initialIp === null && location === null && !(isLeft && lastIp !== null)) return hadMore;
    this.ports.sessions.set(id, { ...session, initialIp: null, location: null, lastIp: isLeft ? null : lastIp });
    return true;
  }
}

function byCreation(a: WalkPosition, b: WalkPosition): number {
  return a.createdAt - b.createdAt || byId(a, b);
}
