import type { Violation } from '../evidence.js';
import { type Operation, succeeded } from '../history.js';
import { groupBy } from './group-by.js';
import type { Lookup } from './lookup.js';

/**
 * Undo: a revoked session is restored once at most, by whoever has its token, after an administrator has permitted it. A
 * permit that was acknowledged is in the log, and one that was refused is not.
 */
export function checkUndo(lookup: Lookup): Violation[] {
  const { operations } = lookup.evidence;
  return [...operations.flatMap((operation) => checkPermit(lookup, operation)), ...checkRestored(lookup)];
}

function checkPermit(lookup: Lookup, undo: Operation): Violation[] {
  const { kind, outcome, target, ended } = undo;
  if (kind !== 'admin-undo' || outcome.kind !== 'answered' || target.session === undefined) return [];
  const { slackMs } = lookup.evidence.settings;
  const own = lookup.undos.get(target.session)?.find(({ reason }) => reason === target.reason);
  const told = (what: string): Violation[] => [
    { invariant: 'undo', what: `Session ${target.session}: ${what}.`, operations: [undo] },
  ];
  if (succeeded(undo)) {
    if (own === undefined) return told('its revocation was said to be undone, and was not');
    return own.committedAt > ended + slackMs ? told('its revocation was said to be undone before it was') : [];
  }
  const isRefused = outcome.status < 500 && own !== undefined;
  return isRefused ? told(`${outcome.status} was answered, and its revocation is undone`) : [];
}

function checkRestored(lookup: Lookup): Violation[] {
  const { operations, ledger } = lookup.evidence;
  const restored = ledger.sessions.filter(({ restoredFrom }) => restoredFrom !== null);
  const claims = groupBy(
    operations.filter(({ kind }) => kind === 'restore'),
    ({ token }) => token?.session ?? '',
  );
  const events = groupBy(
    ledger.events.filter(({ type }) => type === 'restored'),
    ({ session }) => session,
  );
  return [...groupBy(restored, ({ restoredFrom }) => restoredFrom ?? '')].flatMap(([old, made]): Violation[] => {
    const by = claims.get(old) ?? [];
    const told = (what: string): Violation[] => [
      { invariant: 'undo', what: `Session ${old} ${what}.`, operations: by },
    ];
    const permittedAt = lookup.undos.get(old)?.[0]?.committedAt ?? Infinity;
    const madeAt = lookup.beginnings.get(made[0]?.id ?? '')?.[0]?.committedAt ?? -Infinity;
    const isUnasked = !by.some((claim) => succeeded(claim) || claim.outcome.kind === 'lost' || isUnavailable(claim));
    return [
      made.length > 1 ? told(`was restored ${made.length} times`) : [],
      events.get(old)?.length === made.length ? [] : told('was restored, and the log says otherwise'),
      madeAt < permittedAt ? told('was restored before that was permitted') : [],
      lookup.endedAt(old) === Infinity ? told('was restored, and had not ended') : [],
      isUnasked ? told('was restored, and nobody was given the new one') : [],
    ].flat();
  });
}

function isUnavailable({ outcome }: Operation): boolean {
  return outcome.kind === 'answered' && outcome.status >= 500;
}
