import { IdentitySessionError } from '../../core/errors.js';
import type { SessionRecord } from '../../core/session.js';
import type { AdmitOutcome } from '../../store/session-store.js';
import type { SessionIds } from '../session/session-ids.js';
import { sessionToJson } from '../session/session-json.js';
import { Session } from '../session/session.js';

/** The sessions that a sign-in has changed, in this order. */
export function changedBy(outcome: AdmitOutcome): readonly SessionRecord[] {
  return outcome.kind === 'admitted' ? [...outcome.ended, ...outcome.evicted, outcome.session] : outcome.ended;
}

/** Why nobody was admitted, and what can be done; made for the client, whose ids it names. */
export function limitReached(
  outcome: Exclude<AdmitOutcome, { kind: 'admitted' }>,
  ticket: string,
  ids: SessionIds,
): IdentitySessionError {
  const sessions = outcome.full.map((record) => sessionToJson(new Session(record), null, ids));
  return outcome.kind === 'rejected'
    ? new IdentitySessionError('SESSION_LIMIT_REACHED', 'There are as many sessions as allowed. End one first.')
    : new IdentitySessionError(
        'SESSION_LIMIT_REACHED',
        `There are as many sessions as allowed. Sign in again with the ticket to end ${outcome.mustEnd}.`,
        { extensions: { sessions, ticket, mustEnd: outcome.mustEnd } },
      );
}
