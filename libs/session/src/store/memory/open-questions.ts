import type { SessionFacts } from '../../core/session.js';

interface OpenQuestion {
  readonly tenantId: string | null;
  readonly userId: string;
  readonly expiresAt: number;
}

/** Questions of the policy that wait for their answer, by the digest of their ticket. */
export class OpenQuestions {
  readonly #open = new Map<string, OpenQuestion>();

  /** Remembers a question; the same ticket again only starts its time anew. */
  add(ticketDigest: Uint8Array, { tenantId, userId }: SessionFacts, lifetimeMs: number, now: number): void {
    for (const [key, question] of this.#open) if (now >= question.expiresAt) this.#open.delete(key);
    this.#open.set(keyOf(ticketDigest), { tenantId, userId, expiresAt: now + lifetimeMs });
  }

  /** True where the ticket is open and the subject's own. */
  has(ticketDigest: Uint8Array, { tenantId, userId }: SessionFacts, now: number): boolean {
    const question = this.#open.get(keyOf(ticketDigest));
    return question?.tenantId === tenantId && question.userId === userId && now < question.expiresAt;
  }

  /** Uses a ticket up. */
  delete(ticketDigest: Uint8Array): void {
    this.#open.delete(keyOf(ticketDigest));
  }
}

function keyOf(digest: Uint8Array): string {
  return Buffer.from(digest).toString('base64');
}
