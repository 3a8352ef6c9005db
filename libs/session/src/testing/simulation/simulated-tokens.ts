import type { SessionRecord } from '../../core/session.js';
import { matchesDigest, parseToken } from '../../core/token.js';
import { SIMULATED_EPOCH_MS } from './simulated-clocks.js';
import type { SimulatedCheck, SimulatedSession } from './simulated-check.js';

/** Every token that was handed out or presented, and what each had to be good for. */
export class SimulatedTokens {
  /** By session and generation. */
  readonly #byGeneration = new Map<string, string>();
  readonly #presented = new Map<string, { readonly token: string; readonly at: number }[]>();

  constructor(
    private readonly graceMs: number,
    private readonly violated: (promise: string, what: string) => void,
    /** How far a node's idea of the database's time may be off since a moment. */
    private readonly toleranceSince: (since: number) => number,
  ) {}

  /** One session has one token of each generation, whoever derived it. */
  handedOut({ id, name }: SimulatedSession, token: string): void {
    const key = `${id} ${parseToken(token)?.generation}`;
    const known = this.#byGeneration.get(key);
    if (known === undefined) this.#byGeneration.set(key, token);
    else if (known !== token) this.violated('P5', `${name} was given two tokens of one generation`);
  }

  presented({ session, token, from }: SimulatedCheck): void {
    const all = this.#presented.get(session.id);
    if (all === undefined) this.#presented.set(session.id, [{ token, at: from }]);
    else all.push({ token, at: from });
  }

  /** Whether a node could take the token, presented at `from`, for good with the row as it was. */
  isAdmissible(token: string, record: SessionRecord, from: number): boolean {
    return isCurrent(token, record) || (isPrevious(token, record) && !this.#isSurelyLate(record, from));
  }

  /** Whether every node had to. */
  isSurelyRight(token: string, record: SessionRecord, from: number): boolean {
    return isCurrent(token, record) || (isPrevious(token, record) && !this.#mayBeLate(record, from));
  }

  /** Whether every node had to take it for one that two have: the previous token, after its grace. */
  isSurelyReused(token: string, record: SessionRecord, from: number): boolean {
    return isPrevious(token, record) && this.#isSurelyLate(record, from);
  }

  /** Whether somebody has presented the previous token of any of the rows so late that a node could take it for a theft. */
  mayHaveBeenReused(id: string, rows: readonly SessionRecord[]): boolean {
    const all = this.#presented.get(id) ?? [];
    return all.some(({ token, at }) => rows.some((row) => isPrevious(token, row) && this.#mayBeLate(row, at)));
  }

  #isSurelyLate(record: SessionRecord, from: number): boolean {
    return SIMULATED_EPOCH_MS + from - this.toleranceSince(from) >= this.#graceEnd(record);
  }

  #mayBeLate(record: SessionRecord, from: number): boolean {
    return SIMULATED_EPOCH_MS + from + this.toleranceSince(from) >= this.#graceEnd(record);
  }

  #graceEnd({ rotatedAt }: SessionRecord): number {
    return (rotatedAt ?? Number.NEGATIVE_INFINITY) + this.graceMs;
  }
}

export function isCurrent(token: string, record: SessionRecord): boolean {
  const parsed = parseToken(token);
  return parsed !== undefined && matchesDigest(parsed.body, record.tokenDigest);
}

function isPrevious(token: string, { previous }: SessionRecord): boolean {
  const parsed = parseToken(token);
  return parsed !== undefined && previous !== null && matchesDigest(parsed.body, previous.digest);
}
