import type { Violation } from '../evidence.js';
import type { Lookup } from './lookup.js';

/** I3: every answer is about the user and the session of the token that was presented. */
export function checkIdentity({ evidence }: Lookup): Violation[] {
  return evidence.operations.flatMap((operation): Violation[] => {
    const { outcome, token, user } = operation;
    if (outcome.kind !== 'answered' || token === null) return [];
    const { seenAs, listedUsers } = outcome;
    const isOther = seenAs !== undefined && (seenAs.session !== token.session || seenAs.user !== user);
    const listsOthers = listedUsers?.some((listed) => listed !== user) === true;
    if (!isOther && !listsOthers) return [];
    const what = isOther
      ? `The token of ${String(user)}, session ${token.session}, was taken for ${seenAs.user}, session ${seenAs.session}.`
      : `The list of ${String(user)} holds sessions of others.`;
    return [{ invariant: 'I3', what, operations: [operation] }];
  });
}
