import type { Violation } from '../evidence.js';
import { type Operation, succeeded } from '../history.js';
import type { Lookup } from './lookup.js';
import { hasEnded } from './refusals.js';

/**
 * I1: from R after it was acknowledged that a session is suspended nobody is admitted, until it is resumed. I5: 423 is
 * answered only while it may be suspended, for R longer at most, and no step of an administrator is refused without reason.
 */
export function checkSuspensions(lookup: Lookup): Violation[] {
  const { operations } = lookup.evidence;
  return [
    ...operations.flatMap((operation) => checkAdmitted(lookup, operation)),
    ...operations.flatMap((operation) => checkRefused(lookup, operation)),
    ...operations.flatMap((operation) => checkStep(lookup, operation)),
  ];
}

function boundMs({ evidence: { settings } }: Lookup): number {
  return settings.maxStalenessMs + settings.slackMs;
}

function checkAdmitted(lookup: Lookup, suspend: Operation): Violation[] {
  const { kind, target, ended } = suspend;
  if (kind !== 'admin-suspend' || !succeeded(suspend) || target.session === undefined) return [];
  const { slackMs } = lookup.evidence.settings;
  const own = lookup.suspensionsOf(target.session).find(({ reason }) => reason === target.reason);
  if (own === undefined || own.from > ended + slackMs) {
    const what = `Session ${target.session} was said to be suspended, and had not been.`;
    return [{ invariant: 'I1', what, operations: [suspend] }];
  }
  const late = lookup.admitted
    .get(target.session)
    ?.find((operation) => operation.begun > ended + boundMs(lookup) && operation.ended < own.until - slackMs);
  if (late === undefined) return [];
  const what = `Session ${target.session} was admitted ${Math.round(late.begun - ended)} ms after it was suspended.`;
  return [{ invariant: 'I1', what, operations: [suspend, late] }];
}

function checkRefused(lookup: Lookup, operation: Operation): Violation[] {
  const { outcome, token, begun, ended } = operation;
  if (outcome.kind !== 'answered' || outcome.status !== 423 || token === null) return [];
  const { slackMs } = lookup.evidence.settings;
  const isMeant = lookup
    .suspensionsOf(token.session)
    .some(({ from, until }) => from <= ended + slackMs && begun <= until + boundMs(lookup));
  if (isMeant) return [];
  const what = `Session ${token.session} is not suspended, and was answered 423.`;
  return [{ invariant: 'I5', what, operations: [operation] }];
}

function checkStep(lookup: Lookup, operation: Operation): Violation[] {
  const { outcome, kind, target, begun, ended } = operation;
  if (outcome.kind !== 'answered' || outcome.code !== 'ILLEGAL_TRANSITION' || target.session === undefined) return [];
  const { slackMs } = lookup.evidence.settings;
  const of = lookup.suspensionsOf(target.session);
  const isMeant =
    kind === 'admin-suspend'
      ? of.some(({ from, until }) => from <= ended + slackMs && begun - slackMs <= until)
      : !of.some(({ from, until }) => from < begun - slackMs && ended + slackMs < until);
  if (isMeant || hasEnded(lookup, target.session, 'SESSION_EXPIRED', begun, ended)) return [];
  const what = `Session ${target.session} could have taken the step, which was refused.`;
  return [{ invariant: 'I5', what, operations: [operation] }];
}
