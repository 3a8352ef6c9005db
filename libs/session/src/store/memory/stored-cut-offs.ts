import {
  type CutOffScope,
  cutOffScopeKey,
  isCutOffBy,
  isInCutOffScope,
  type Issued,
  type StoredCutOff,
} from '../../core/cut-off.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { EventNote } from './session-event.js';

/** The latest cut-off of each scope. */
export class StoredCutOffs {
  readonly #latest = new Map<string, StoredCutOff>();
  /** Of those the latest that has included protected sessions: as these have it. */
  readonly #protected = new Map<string, StoredCutOff>();

  /** Makes a cut-off that comes after every other and after `now`. */
  raise(
    { tenantId, userId }: CutOffScope,
    { reason, actor }: Omit<EventNote, 'context'>,
    now: number,
    includesProtected: boolean,
  ): StoredCutOff {
    const scope = { ...(tenantId === undefined ? {} : { tenantId }), ...(userId === undefined ? {} : { userId }) };
    const key = cutOffScopeKey(scope);
    const notBefore = Math.max(now, ...[...this.#latest.values()].map((earlier) => earlier.notBefore + 1));
    const version = (this.#latest.get(key)?.version ?? 0) + 1;
    const protectedNotBefore = includesProtected ? notBefore : this.#protected.get(key)?.notBefore;
    const cutOff = Object.freeze({
      ...{ scope: Object.freeze(scope), notBefore, version, reason: reason ?? '', by: actor },
      ...(protectedNotBefore === undefined ? {} : { protectedNotBefore }),
    });
    this.#latest.set(key, cutOff);
    if (includesProtected) this.#protected.set(key, cutOff);
    return cutOff;
  }

  /** The first moment at which a sign-in of the user is covered by none; `now` where that is free. */
  earliestAdmission(subject: Pick<Issued, 'tenantId' | 'userId'>, now: number): number {
    const after = [...this.#latest.values()]
      .filter(({ scope }) => isInCutOffScope(scope, subject))
      .map(({ notBefore }) => notBefore + 1);
    return Math.max(now, ...after);
  }

  /** The session as everybody sees it: revoked, where it lives and a cut-off covers it. */
  effective(session: SessionRecord): SessionRecord {
    if (!isLive(session.status)) return session;
    const cutOffs = session.isProtected ? this.#protected : this.#latest;
    const [first] = [...cutOffs.values()]
      .filter((cutOff) => isCutOffBy(cutOff, session))
      .sort((a, b) => a.notBefore - b.notBefore);
    if (first === undefined) return session;
    const { notBefore: endedAt, reason: endReason, by: endedBy } = first;
    return { ...session, status: 'revoked', endedAt, endReason, endedBy };
  }

  /** Whether a cut-off covers the session, though it was over before; protected or not. */
  covers(session: Issued): boolean {
    return [...this.#latest.values()].some((cutOff) => isCutOffBy(cutOff, { ...session, isProtected: false }));
  }

  /** Forgets what was made before `before` and covers none of the live sessions; gives the number. */
  forget(before: number, sessions: readonly SessionRecord[]): number {
    let forgotten = 0;
    for (const [key, cutOff] of this.#latest) {
      const covers = sessions.some((session) => isLive(session.status) && isCutOffBy(cutOff, session));
      if (cutOff.notBefore >= before || covers) continue;
      this.#latest.delete(key);
      this.#protected.delete(key);
      forgotten += 1;
    }
    return forgotten;
  }
}
