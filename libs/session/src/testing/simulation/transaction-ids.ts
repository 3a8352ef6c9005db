/**
 * A snapshot as PostgreSQL tells it. What is below `xmin` has ended; what is not below `xmax` had not ended when it was
 * taken; of those between, the ones in `xip` were under way.
 *
 * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 */
export interface TransactionSnapshot {
  readonly xmin: number;
  /** One more than the highest id of a transaction that has ended; higher ones may be under way. */
  readonly xmax: number;
  readonly xip: readonly number[];
}

/** Gives out transaction ids as PostgreSQL does: in order, whatever the order in which transactions end. */
export class TransactionIds {
  #next = 1_000;
  #latestEnded = 999;
  #latestDurable = 999;
  readonly #underWay = new Set<number>();

  begin(): number {
    const xid = this.#next;
    this.#next += 1;
    this.#underWay.add(xid);
    return xid;
  }

  end(xid: number, isCommitted: boolean): void {
    this.#underWay.delete(xid);
    this.#latestEnded = Math.max(this.#latestEnded, xid);
    // The end of an aborted transaction waits for no disk.
    if (isCommitted) this.#latestDurable = Math.max(this.#latestDurable, xid);
  }

  snapshot(): TransactionSnapshot {
    const xmax = this.#latestEnded + 1;
    const xip = [...this.#underWay].filter((xid) => xid < xmax).sort((a, b) => a - b);
    return { xmin: xip[0] ?? xmax, xmax, xip };
  }

  /** Ids that reached no disk are given out again where `reuse` is true. */
  crash(reuse: boolean): void {
    this.#underWay.clear();
    if (reuse) this.#next = this.#latestDurable + 1;
    this.#latestEnded = this.#next - 1;
  }
}

/** `xmin:xmax:xip,…`, as `pg_snapshot` is written. */
export function snapshotText({ xmin, xmax, xip }: TransactionSnapshot): string {
  return `${xmin}:${xmax}:${xip.join(',')}`;
}

/** Reads what `snapshotText` has written. */
export function parseSnapshot(text: string): TransactionSnapshot {
  const [xmin, xmax, xip] = text.split(':');
  return { xmin: Number(xmin), xmax: Number(xmax), xip: xip ? xip.split(',').map(Number) : [] };
}
