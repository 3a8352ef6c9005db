import { hash, randomBytes } from 'node:crypto';
import type { Admission } from '../../store/session-store.js';
import { storableIdentifier } from '../../store/storable-text.js';
import type { SignInInput } from './sign-in.js';

const TICKET_BYTES = 32;

/** A ticket for the question that the policy may ask now, and the answer to an earlier one: as the store takes both. */
export function ticketsOf(
  answer: SignInInput['answer'],
  lifetimeMs: number,
): Pick<Admission, 'answer' | 'question'> & { /** Handed out only if the policy asks. */ readonly ticket: string } {
  const ticket = randomBytes(TICKET_BYTES).toString('base64url');
  return {
    ticket,
    question: { ticketDigest: hash('sha256', ticket, 'buffer'), lifetimeMs },
    answer:
      answer === undefined
        ? null
        : {
            ticketDigest: hash('sha256', storableIdentifier(answer.ticket, 'answer.ticket'), 'buffer'),
            end: answer.end ?? [],
          },
  };
}
