import { isDeepStrictEqual } from 'node:util';
import type { LedgerSession, Violation } from '../evidence.js';
import { type Operation, succeeded } from '../history.js';
import { OF_USER } from '../workload/data-steps.js';
import { groupBy } from './group-by.js';
import type { Lookup } from './lookup.js';

/** The data of a session as somebody has seen it: in an answer, or in the database at the end. */
interface Sight {
  readonly session: LedgerSession;
  readonly version: number;
  readonly members: Readonly<Record<string, unknown>>;
  /** Changes that were acknowledged longer than R before must be in it; on the node itself, all. */
  readonly begun: number;
  readonly ended: number;
  readonly node: string | null;
  readonly by: readonly Operation[];
}

/**
 * Data: no acknowledged change is lost, whoever changes the same session at the same time; every node shows it within R,
 * the one that made it at once; a version is one content; what was refused is not there. I3: no value is of another
 * session or user.
 */
export function checkData(lookup: Lookup): Violation[] {
  const { operations } = lookup.evidence;
  const writes = new Writes(lookup);
  const seen = groupBy(sightsOf(lookup), ({ session }) => session.id);
  return [
    ...[...seen.values()].flatMap((sights) => [
      ...sights.flatMap((sight) => checkSight(lookup, writes, sight)),
      ...checkVersions(sights),
    ]),
    ...checkOptimism(operations),
    ...checkEvents(lookup),
  ];
}

function sightsOf({ evidence: { operations, ledger }, sessions }: Lookup): Sight[] {
  const answered = operations.flatMap((operation): Sight[] => {
    const { outcome, token, begun, ended, node } = operation;
    const session = sessions.get(token?.session ?? '');
    if (outcome.kind !== 'answered' || outcome.data === undefined || session === undefined) return [];
    return [{ session, ...outcome.data, begun, ended, node, by: [operation] }];
  });
  const stored = ledger.sessions.map((session): Sight => {
    const { data: members, dataVersion: version } = session;
    return { session, version, members, begun: Infinity, ended: Infinity, node: null, by: [] };
  });
  return [...answered, ...stored];
}

/** Who has written which value. */
class Writes {
  readonly #byValue = new Map<unknown, Operation>();
  readonly #acknowledged: ReadonlyMap<string, readonly Operation[]>;

  constructor({ evidence: { operations } }: Lookup) {
    const writes = operations.filter(({ target }) => target.written !== undefined);
    for (const write of writes)
      for (const value of Object.values(write.target.written ?? {})) this.#byValue.set(value, write);
    this.#acknowledged = groupBy(writes.filter(succeeded), ownerOf);
  }

  of(value: unknown): Operation | undefined {
    return this.#byValue.get(value);
  }

  /** Acknowledged changes of a member of a session, or of all of its user. */
  acknowledged({ id, user }: LedgerSession, member: string): readonly Operation[] {
    const all = this.#acknowledged.get(member === OF_USER ? user : id) ?? [];
    return all.filter(({ target }) => target.written?.[member] !== undefined);
  }
}

function ownerOf({ kind, user, token }: Operation): string {
  return (kind === 'user-data' ? user : token?.session) ?? '';
}

function checkSight(lookup: Lookup, writes: Writes, sight: Sight): Violation[] {
  const { session, members, by } = sight;
  const known = new Set([...Object.keys(members), 'one', 'two', 'three', OF_USER]);
  return [...known].flatMap((member): Violation[] => {
    const value = members[member];
    const writer = writes.of(value);
    const told = (invariant: 'I3' | 'data', what: string, ...shown: Operation[]): Violation[] => [
      { invariant, what: `${what} (session ${session.id}, member ${member})`, operations: [...by, ...shown] },
    ];
    if (value !== undefined) {
      if (writer === undefined) return told('data', 'Nobody has written what is there.');
      if (!ownersOf(lookup, session, member).includes(ownerOf(writer)))
        return told('I3', `The value is of ${ownerOf(writer)}.`, writer);
      if (writer.begun > sight.ended) return told('data', 'The value was seen before it was written.', writer);
      if (wasRefused(writer)) return told('data', 'A change was refused, and its value is there.', writer);
    }
    const missed = writes.acknowledged(session, member).find((write) => isMissed(lookup, sight, write, writer));
    return missed === undefined
      ? []
      : told('data', 'An acknowledged change is not there, and none that came later.', missed);
  });
}

/** What has taken the place of another has its data. */
function ownersOf({ sessions }: Lookup, { id, user, restoredFrom }: LedgerSession, member: string): string[] {
  if (member === OF_USER) return [user];
  const owners = [id];
  for (let old = restoredFrom; old !== null; old = sessions.get(old)?.restoredFrom ?? null) owners.push(old);
  return owners;
}

/** Whether a change should have been seen, and what was seen instead is older. */
function isMissed(
  lookup: Lookup,
  { session, begun, node }: Sight,
  write: Operation,
  seen: Operation | undefined,
): boolean {
  const { maxStalenessMs, slackMs } = lookup.evidence.settings;
  const boundMs = node === write.node ? 0 : maxStalenessMs + slackMs;
  if (begun <= write.ended + boundMs || lookup.overAt(session.id) <= write.ended + slackMs) return false;
  // What the whole user is given is given to the sessions that there were.
  const wasThere = write.kind !== 'user-data' || (lookup.issued.get(session.id)?.ended ?? Infinity) <= write.begun;
  if (!wasThere || seen === write) return false;
  // What was not answered may have happened at any time.
  return seen === undefined || (seen.outcome.kind === 'answered' && seen.ended < write.begun);
}

function wasRefused({ outcome }: Operation): boolean {
  return outcome.kind === 'answered' && outcome.status >= 400 && outcome.status < 500;
}

function checkVersions(sights: readonly Sight[]): Violation[] {
  return [...groupBy(sights, ({ version }) => version).values()].flatMap((same): Violation[] => {
    const [first, ...others] = same;
    const other = others.find(({ members }) => !isDeepStrictEqual(members, first?.members));
    if (first === undefined || other === undefined) return [];
    const what = `Version ${first.version} of the data of session ${first.session.id} was seen with two contents.`;
    return [{ invariant: 'data', what, operations: [...first.by, ...other.by] }];
  });
}

/** Of two that replace the same version one wins. */
function checkOptimism(operations: readonly Operation[]): Violation[] {
  const sets = operations.filter((operation) => operation.target.ifVersion !== undefined && succeeded(operation));
  const same = groupBy(sets, ({ token, target }) => `${token?.session} ${target.ifVersion}`);
  return [...same].flatMap(([key, winners]): Violation[] => {
    if (winners.length < 2) return [];
    return [{ invariant: 'data', what: `Two have replaced the same version: ${key}.`, operations: winners }];
  });
}

/** I7: one event for each change. */
function checkEvents({ evidence: { ledger } }: Lookup): Violation[] {
  const changes = groupBy(
    ledger.events.filter(({ type }) => type === 'data_changed'),
    ({ session }) => session,
  );
  return ledger.sessions.flatMap(({ id, dataVersion }): Violation[] => {
    const count = changes.get(id)?.length ?? 0;
    if (count === dataVersion) return [];
    const what = `The data of session ${id} is of version ${dataVersion}, and the log has ${count} changes.`;
    return [{ invariant: 'I7', what, operations: [] }];
  });
}
