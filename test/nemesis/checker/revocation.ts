import type { Violation } from '../evidence.js';
import { succeeded } from '../history.js';
import type { Lookup } from './lookup.js';

/**
 * I1: a request that was begun longer than R after the end of its session was acknowledged is not admitted. R is
 * `maxStalenessMs`; hints make it much shorter, but nobody may rely on them.
 */
export function checkRevocation(lookup: Lookup): Violation[] {
  const { settings, operations } = lookup.evidence;
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
  for (const change of operations.filter((operation) => operation.kind === 'password' && succeeded(operation))) {
    const late = lookup.admitted
      .get(change.token?.session ?? '')
      ?.find(
        ({ token, begun }) =>
          (token?.generation ?? 0) <= (change.token?.generation ?? 0) && begun > change.ended + boundMs,
      );
    if (late === undefined) continue;
    violations.push({
      invariant: 'I1',
      what: `A token was admitted ${ms(late.begun - change.ended)} after a new password had replaced it.`,
      operations: [change, late],
    });
  }
  return violations;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
