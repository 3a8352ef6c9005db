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
  leaseCut: (r, { recoveryBoundMs }) => [
    ['the log was out of reach', r.wasCut],
    ['nobody is refused', only200(r.statuses)],
    ['at most one read for each session and lease', r.readsDuringCut <= r.boundOfReads],
    [`the log is followed again within ${recoveryBoundMs / 1_000} s`, r.recoveryMs <= recoveryBoundMs],
    // What it had before the healing reached it, and once because its position was lost; and with each lease until then.
    [
      'then at most two reads for each session and lease',
      r.readsOnRecovery <= (2 + Math.floor(r.recoveryMs / r.maxStalenessMs)) * r.sessions,
    ],
    ['and then none', r.readsAfterwards === 0],
  ],
  memory: (r) => [
    ['nobody is refused', r.refused === 0],
    ['at most 1 024 bytes for each session', r.knownBytes <= 1_024],
  ],
};

/** Two seconds, where the machine has nothing else to do; a short run is made where others run. */
const RECOVERY_BOUND_MS = { whole: 2_000, quick: 10_000 };

/** Each with whether it is met. */
export function targetsOf(name, result, { quick = false } = {}) {
  return TARGETS[name](result, { recoveryBoundMs: RECOVERY_BOUND_MS[quick ? 'quick' : 'whole'] }).map(
    ([what, met]) => ({ what, met }),
  );
}
