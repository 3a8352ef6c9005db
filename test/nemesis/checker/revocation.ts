import type { Violation } from '../evidence.js';
import { succeeded } from '../history.js';
import type { Lookup } from './lookup.js';

/**
 * I1: a request that was begun longer than R after the end of its session was acknowledged is not admitted. R is
 * `maxStalenessMs`; hints make it much shorter, but nobody may rely on them.
 */
export function checkRevocation(lookup: Lookup): Violation[] {
  const { settings } = lookup.evidence;
  const boundMs = settings.maxStalenessMs + settings.slackMs;
  const violations: Violation[] = [];
  for (const [session, admitted] of lookup.admitted) {
    const end = lookup.ends.get(session);
    const late = end === undefined ? undefined : admitted.find(({ begun }) => begun > end.at + boundMs);
    if (end === undefined || late === undefined) continue;
    violations.push({
      invariant: 'I1',
      what: `Session ${session} was admitted ${ms(late.begun - end.at)} after its end was acknowledged (bound ${ms(boundMs)}).`,
      operations: [end.by, late],
    });
  }
  violations.push(...lateTokens(lookup, boundMs));
  return violations;
}

/** Tokens that had a successor, which clients knew of, and were admitted long after. */
function lateTokens(lookup: Lookup, boundMs: number): Violation[] {
  const { operations, settings } = lookup.evidence;
  const violations: Violation[] = [];
  for (const change of operations) {
    const { token, ended, outcome, kind } = change;
    const hasReplaced = succeeded(change) && kind === 'password';
    const isScheduled = outcome.kind === 'answered' && outcome.successor !== undefined && !hasReplaced;
    if (token === null || !(hasReplaced || isScheduled)) continue;
    const deadAt = ended + (isScheduled ? settings.rotationGraceMs : 0);
    const late = lookup.admitted
      .get(token.session)
      ?.find(
        (operation) => (operation.token?.generation ?? 0) <= token.generation && operation.begun > deadAt + boundMs,
      );
    if (late === undefined) continue;
    violations.push({
      invariant: 'I1',
      what: `A token was admitted ${ms(late.begun - deadAt)} after it was good no more.`,
      operations: [change, late],
    });
  }
  return violations;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
