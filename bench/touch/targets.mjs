// What the figures should be; said once, for the report and for the tests.

const only200 = ({ 200: _ok, unreachable: _unreachable, ...others }) => Object.keys(others).length === 0;

const TARGETS = {
  checks: (r) => [
    ['nobody is refused', r.refused === 0],
    ['all checks within one sync interval', r.withinMs <= r.syncIntervalMs],
    ['at most one row write for each session', r.rowsWritten <= r.sessions],
    ['at least 95 % of them HOT', r.hot >= 0.95],
    ['one load for each session', r.loadedSessions <= r.sessions],
  ],
  flushes: (r) => [
    ['no deadlock', r.deadlocks === 0],
    ['every newest access is written', r.lost === 0],
  ],
  coldRestart: (r) => [
    ['at most one read for each session', r.readsPerSession <= 1],
    ['nobody is refused', only200(r.statuses)],
  ],
  leaseCut: (r) => [
    ['the log was out of reach', r.wasCut],
    ['nobody is refused', only200(r.statuses)],
    ['at most one read for each session and lease', r.readsDuringCut <= r.boundOfReads],
    ['the log is followed again within 2 s', r.recoveryMs <= 2_000],
    // What it had before the healing reached it, and once because its position was lost.
    ['then at most two reads for each session', r.readsOnRecovery <= 2 * r.sessions],
    ['and then none', r.readsAfterwards === 0],
  ],
  memory: (r) => [
    ['nobody is refused', r.refused === 0],
    ['at most 1 024 bytes for each session', r.knownBytes <= 1_024],
  ],
};

/** Each with whether it is met. */
export function targetsOf(name, result) {
  return TARGETS[name](result).map(([what, met]) => ({ what, met }));
}
