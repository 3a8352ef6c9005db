import type { LedgerEvent, Violation } from '../evidence.js';
import { FREES_SLOT } from '../workload/suspension-steps.js';
import { groupBy } from './group-by.js';
import { isTerminal, type Lookup } from './lookup.js';

/** I2: at no instant more live sessions in a scope than the limit, as sampled from outside and as the log tells it. */
export function checkLimit(lookup: Lookup): Violation[] {
  const { observations, settings, ledger } = lookup.evidence;
  const { limit, scope } = settings.strategy;
  const violations: Violation[] = observations.overLimit.map((seen) => ({
    invariant: 'I2',
    what: `${seen.sessions.length} live sessions of ${seen.scope} in one snapshot, where ${limit} are allowed: ${seen.sessions.join(', ')}.`,
    operations: issuedAs(lookup, seen.sessions),
  }));

  const live = new Map<string, Set<string>>();
  const reported = new Set<string>();
  // Rows of one transaction become visible together.
  for (const events of groupBy(ledger.events, (event) => event.transaction).values()) {
    const grown = new Set<string>();
    for (const event of events) {
      if (event.type === 'cut_off') endCutOff(lookup, live.values(), event);
      const session = event.session === null ? undefined : lookup.sessions.get(event.session);
      if (session === undefined) continue;
      const key = scope === 'deviceType' ? `${session.user} on ${session.deviceType}` : session.user;
      const present = live.get(key) ?? new Set();
      live.set(key, present);
      if (event.type === 'created') {
        present.add(session.id);
        grown.add(key);
      } else if (event.type === 'activated') {
        present.add(session.id);
        grown.add(key);
      } else if (isTerminal(event) || givesSlotUp(event)) present.delete(session.id);
    }
    for (const key of grown) {
      const present = live.get(key) ?? new Set();
      if (present.size <= limit || reported.has(key)) continue;
      reported.add(key);
      violations.push({
        invariant: 'I2',
        what: `By the change log, ${present.size} sessions of ${key} lived at once, where ${limit} are allowed: ${[...present].join(', ')}.`,
        operations: issuedAs(lookup, [...present]),
      });
    }
  }
  return violations;
}

function givesSlotUp({ type, reason }: LedgerEvent): boolean {
  return type === 'suspended' && reason?.startsWith(FREES_SLOT) === true;
}

/** What a cut-off covers does not live any more, though its row is written later or never. */
function endCutOff({ sessions }: Lookup, live: Iterable<Set<string>>, { user, notBefore }: LedgerEvent): void {
  for (const present of live) {
    for (const id of present) {
      const session = sessions.get(id);
      const isConcerned = user === null || user === session?.user;
      if (isConcerned && (session?.createdAt ?? Infinity) <= (notBefore ?? -Infinity)) present.delete(id);
    }
  }
}

function issuedAs(lookup: Lookup, sessions: readonly string[]): Violation['operations'] {
  return sessions.flatMap((session) => lookup.issued.get(session) ?? []);
}
