import { type LocalDelivery, sumOf } from './delivery.js';
import type { NodeAnswer } from './node-message.js';

/** What other nodes have made of one message, and who of them has said so. */
export class PendingAnswers {
  readonly #parts: LocalDelivery[] = [];
  readonly #answered = new Set<string>();
  #expected = Number.POSITIVE_INFINITY;
  #settle!: () => void;
  #isSettled = false;
  /** Once enough have answered. */
  readonly settled = new Promise<void>((resolve) => (this.#settle = resolve));

  /** @param isFirstEnough one connection is on one node */
  constructor(private readonly isFirstEnough: boolean) {}

  get isSettled(): boolean {
    return this.#isSettled;
  }

  get answered(): number {
    return this.#answered.size;
  }

  get total(): LocalDelivery {
    return sumOf(this.#parts);
  }

  expect(servers: number): void {
    this.#expected = servers;
    this.#look();
  }

  take(answer: NodeAnswer): void {
    // Twice from one node is once too often, whoever it comes from.
    if (this.#answered.has(answer.from)) return;
    this.#parts.push({
      reached: answer.reached,
      failed: answer.failed,
      acknowledged: answer.acknowledged.map(({ connectionId, value }) => ({ connectionId, value })),
      unacknowledged: answer.unacknowledged,
    });
    if (answer.isLast) this.#answered.add(answer.from);
    this.#look(this.isFirstEnough && answer.isLast && answer.reached + answer.failed > 0);
  }

  #look(isEnough = false): void {
    if (!isEnough && this.#answered.size < this.#expected) return;
    this.#isSettled = true;
    this.#settle();
  }
}
