import type { Evidence, Violation } from '../evidence.js';
import { checkAnswers } from './answers.js';
import { checkConvergence } from './convergence.js';
import { checkData } from './data.js';
import { checkDurability } from './durability.js';
import { checkEvents } from './events.js';
import { checkFinality } from './finality.js';
import { checkIdentity } from './identity.js';
import { checkLimit } from './limit.js';
import { checkJobs } from './jobs.js';
import { Lookup } from './lookup.js';
import { checkLifetime, checkRefusals } from './refusals.js';
import { checkRevocation } from './revocation.js';
import { checkSocketConvergence } from './socket-convergence.js';
import { checkSocketMessages, checkSocketRevocation } from './socket-revocation.js';
import { checkSuspensions } from './suspensions.js';
import { checkTouches } from './touches.js';
import { checkUndo } from './undo.js';

/** Everything in the evidence that breaks a promise. Pure: the same evidence gives the same answer. */
export function check(evidence: Evidence): Violation[] {
  const lookup = new Lookup(evidence);
  return [
    checkRevocation,
    checkDurability,
    checkLimit,
    checkIdentity,
    checkFinality,
    checkAnswers,
    checkRefusals,
    checkLifetime,
    checkConvergence,
    checkEvents,
    checkSuspensions,
    checkData,
    checkJobs,
    checkUndo,
    checkTouches,
    checkSocketRevocation,
    checkSocketMessages,
    checkSocketConvergence,
  ].flatMap((invariant) => invariant(lookup));
}
