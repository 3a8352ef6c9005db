/** The one row of a statement that ends with `COUNT`. */
export interface Counted {
  readonly count: number;
}

/** How many rows the statement's part `changed` has. */
export const COUNT = 'SELECT count(*)::int AS count FROM changed';

export function countOf(rows: readonly Counted[]): number {
  return rows[0]?.count ?? 0;
}
