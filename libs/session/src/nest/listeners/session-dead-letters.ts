import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import type { SessionEvent } from '../events/session-event.js';
import { DurableListeners } from './durable-listeners.js';
import { resyncId } from './listener-worker.js';

const MOST_LETTERS = 1_000;
const LETTER_ID = /^[0-9]{1,18}$/;

/** An event that a durable listener could not be told of. */
export interface DeadLetter {
  readonly id: string;
  readonly listener: string;
  /** As the listener was given it with each attempt. */
  readonly eventId: string;
  readonly event: SessionEvent;
  /** What the last attempt failed with. */
  readonly error: string;
  readonly attempts: number;
  readonly at: Date;
}

interface LetterRow {
  readonly id: string;
  readonly listener: string;
  readonly event_id: string;
  readonly event: SessionEvent & { readonly at?: string };
  readonly error: string;
  readonly attempts: number;
  readonly at: Date;
}

const COLUMNS = 'id::text, listener, event_id::text, event, error, attempts, at';

/** What durable listeners have failed for: to be looked at, tried again, or given up. Letters stay until then. */
@Injectable()
export class SessionDeadLetters {
  constructor(@Inject(DurableListeners) private readonly listeners: DurableListeners) {}

  /** Oldest first, after the id given. At most 1 000. @throws IdentitySessionError `VALIDATION_FAILED` for what is no id */
  async list({
    listener = null,
    after = '0',
    limit = 100,
  }: {
    readonly listener?: string | null;
    readonly after?: string;
    readonly limit?: number;
  } = {}): Promise<DeadLetter[]> {
    if (!LETTER_ID.test(after)) {
      throw new IdentitySessionError('VALIDATION_FAILED', 'after must be the id of a dead letter.', {
        errors: [{ field: 'after', message: 'is no id of a dead letter' }],
      });
    }
    const rows = await this.listeners.query<LetterRow>(
      `SELECT ${COLUMNS} FROM identity_session_dead_letter
       WHERE ($1::text IS NULL OR listener = $1) AND id > $2::bigint ORDER BY id LIMIT $3::int`,
      [listener, after, Math.max(0, Math.min(Math.trunc(limit) || 0, MOST_LETTERS))],
    );
    return rows.map(letterOf);
  }

  /**
   * Calls the listener again on this node, beside what else it is told; the letter is gone if it succeeds. Two who do so
   * at once may call it twice.
   * @returns false where there is no such letter
   * @throws what the listener throws, and `CONFIGURATION_INVALID` where this node has none of that name
   */
  async retry(id: string): Promise<boolean> {
    if (!LETTER_ID.test(id)) return false;
    const [row] = await this.listeners.query<LetterRow>(
      `SELECT ${COLUMNS} FROM identity_session_dead_letter WHERE id = $1::bigint`,
      [id],
    );
    if (row === undefined) return false;
    const { listener, eventId, event, attempts } = letterOf(row);
    const found = this.listeners.find(listener);
    if (found === undefined) {
      throw new IdentitySessionError('CONFIGURATION_INVALID', `This node has no durable listener "${listener}".`);
    }
    await found.handle(event, { id: eventId, attempt: attempts + 1 });
    return this.discard(id);
  }

  /** Gives an event up. @returns false where there is no such letter */
  async discard(id: string): Promise<boolean> {
    if (!LETTER_ID.test(id)) return false;
    const rows = await this.listeners.query(
      `WITH gone AS (DELETE FROM identity_session_dead_letter WHERE id = $1::bigint RETURNING id) SELECT id FROM gone`,
      [id],
    );
    return rows.length > 0;
  }
}

function letterOf(row: LetterRow): DeadLetter {
  const { id, listener, event_id: number, event, error, attempts, at } = row;
  const eventId = event.type === 'resync' ? resyncId(number) : number;
  const given = (event.type === 'resync' ? event : { ...event, at: new Date(event.at) }) as SessionEvent;
  return { id, listener, eventId, event: Object.freeze(given), error, attempts, at };
}
