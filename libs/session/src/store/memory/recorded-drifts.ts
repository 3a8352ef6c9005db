import { type Drift, MOST_DRIFTS } from '../drift-log.js';

/** The places that sessions were used from unexpectedly; those that were forgotten count, but are not known any more. */
export class RecordedDrifts {
  readonly #bySession = new Map<string, { readonly place: string | null; readonly at: number }[]>();

  /** True where it is one of a new place, and not one too many. */
  record(id: string, { kind, to }: Drift, at: number): boolean {
    const known = this.#bySession.get(id) ?? [];
    const place = `${kind} ${to}`;
    if (known.length >= MOST_DRIFTS || known.some((drift) => drift.place === place)) return false;
    this.#bySession.set(id, [...known, { place, at }]);
    return true;
  }

  /** Forgets the places of a session that were recorded before then; true where there were any. */
  forgetPlaces(id: string, before = Number.POSITIVE_INFINITY): boolean {
    const known = this.#bySession.get(id) ?? [];
    const isGone = ({ place, at }: (typeof known)[number]): boolean => place !== null && at <= before;
    if (!known.some(isGone)) return false;
    this.#bySession.set(
      id,
      known.map((drift) => (isGone(drift) ? { ...drift, place: null } : drift)),
    );
    return true;
  }

  /** Forgets the session. */
  forget(id: string): void {
    this.#bySession.delete(id);
  }
}
