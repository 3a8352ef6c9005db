import { availableParallelism, cpus } from 'node:os';
import type { Evidence, FaultRecord, Violation } from './evidence.js';
import type { Operation } from './history.js';
import { groupBy } from './checker/group-by.js';
import { socketLines } from './socket-summary.js';
import type { RevocationLatency } from './workload/revocation-probe.js';

const OPERATIONS_SHOWN = 4;
const VIOLATIONS_SHOWN = 20;

/** What a run was like, for people. */
export function summarise(
  evidence: Evidence,
  latencies: readonly RevocationLatency[],
  notes: readonly string[],
): string {
  const { operations, faults, settings, ledger, observations } = evidence;
  const [inFault, calm] = divide(operations, ({ begun, ended }) =>
    faults.some((fault) => overlaps(fault, begun, ended)),
  );
  const [faulty, undisturbed] = divide(latencies, ({ at }) => faults.some((fault) => overlaps(fault, at, at)));
  return [
    '',
    `${operations.length} operations (${inFault.length} during faults, ${calm.length} without), ${ledger.sessions.length} sessions, ` +
      `${ledger.events.length} rows in the change log, ${observations.samples} snapshots by the watcher; ` +
      `${settings.strategy.name} ${settings.strategy.limit}, seed ${settings.seed}`,
    `on ${availableParallelism()} × ${cpus()[0]?.model ?? '?'}, Node ${process.versions.node}`,
    '',
    `Faults: ${faults.length}`,
    ...[...groupBy(faults, ({ name }) => name)].map(([name, records]) => faultLine(name, records, faults)),
    '',
    'Refusals:',
    ...refusals(operations),
    '',
    `5xx: ${share(inFault, is5xx)} during faults, ${share(calm, is5xx)} without; no answer: ${share(operations, isLost)}`,
    '',
    'Admitted after the end was acknowledged, on another node (ms):',
    latencyLine('without faults', undisturbed),
    latencyLine('during faults ', faulty),
    `  bound: ${settings.maxStalenessMs} (maxStalenessMs) and ${settings.slackMs} of slack for reading clocks in two processes`,
    '',
    ...socketLines(evidence),
    ...notes.map((note) => `Note: ${note}`),
  ].join('\n');
}

/** Every violation with the operations that show it. */
export function describeViolations(violations: readonly Violation[]): string {
  if (violations.length === 0) return '\nNo violation of I1–I7.\n';
  const shown = violations
    .slice(0, VIOLATIONS_SHOWN)
    .map(({ invariant, what, operations, sockets = [] }) =>
      [
        `${invariant}: ${what}`,
        ...[...operations.slice(0, OPERATIONS_SHOWN), ...sockets].map((shown_) => `    ${JSON.stringify(shown_)}`),
      ].join('\n'),
    );
  return [`\n${violations.length} VIOLATIONS`, ...shown, ''].join('\n');
}

/** Where two were there at once, recovery counts from the end of the second. */
function faultLine(name: string, records: readonly FaultRecord[], all: readonly FaultRecord[]): string {
  const recoveries = records.map(({ recovered }) => {
    const healed = all.filter((fault) => fault.recovered === recovered).map((fault) => fault.healed);
    return (recovered ?? Infinity) - Math.max(...healed);
  });
  const worst = Math.round(Math.max(...recoveries));
  return `  ${name.padEnd(32)} ${String(records.length).padStart(3)} ×   healthy again within ${worst} ms`;
}

function refusals(operations: readonly Operation[]): string[] {
  const refused = operations.flatMap(({ outcome }) =>
    outcome.kind === 'answered' && outcome.status >= 400 ? [`${outcome.status} ${outcome.code ?? ''}`] : [],
  );
  return [...groupBy(refused, (code) => code)]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([code, all]) => `  ${code.padEnd(32)} ${all.length}`);
}

function latencyLine(what: string, latencies: readonly RevocationLatency[]): string {
  const sorted = latencies.map(({ latencyMs }) => latencyMs).toSorted((one, other) => one - other);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(0);
  return `  ${what}  p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)}  max ${at(1)}  (${sorted.length} tries)`;
}

function share(operations: readonly Operation[], is: (operation: Operation) => boolean): string {
  const count = operations.filter(is).length;
  return `${count} of ${operations.length} (${((100 * count) / Math.max(1, operations.length)).toFixed(2)} %)`;
}

const is5xx = ({ outcome }: Operation): boolean => outcome.kind === 'answered' && outcome.status >= 500;
const isLost = ({ outcome }: Operation): boolean => outcome.kind === 'lost';

function overlaps(fault: FaultRecord, from: number, until: number): boolean {
  return fault.begun <= until && (fault.recovered ?? Number.POSITIVE_INFINITY) >= from;
}

function divide<T>(items: readonly T[], is: (item: T) => boolean): [T[], T[]] {
  return [items.filter(is), items.filter((item) => !is(item))];
}
