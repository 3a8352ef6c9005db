import { hash, randomBytes } from 'node:crypto';
import type { Admission } from '../../store/session-store.js';
import { storableIdentifier } from '../../store/storable-text.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SignInInput } from './sign-in.js';

const TICKET_BYTES = 32;

/**
 * A ticket for the question that the policy may ask now, and the answer to an earlier one: as the store takes both. What
 * the answer picks is named as the question named it.
 * @throws IdentitySessionError `VALIDATION_FAILED`
 */
export function ticketsOf(
  answer: SignInInput['answer'],
  { questionLifetimeMs: lifetimeMs, codecs }: Pick<ResolvedOptions, 'questionLifetimeMs' | 'codecs'>,
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
            end: codecs.id.decodeAll(answer.end ?? [], 'answer.end'),
          },
  };
}
