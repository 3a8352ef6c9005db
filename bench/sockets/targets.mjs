// What the figures should be; said once, for the report and for the exit code.

const MANY = 10_000;

const only200 = (statuses) => Object.keys(statuses).every((status) => status === '200');

const TARGETS = {
  revocation: ({ fromAnswerMs }) => [['p99 at most 50 ms', fromAnswerMs.p99 <= 50]],
  withoutHints: ({ fromAnswerMs, tailIntervalMs }) => [
    [`max at most ${tailIntervalMs + 200} ms`, fromAnswerMs.max <= tailIntervalMs + 200],
  ],
  memory: ({ sockets, aboveSocketIo, aboveNest }) =>
    [
      ['plain socket.io', aboveSocketIo],
      ['socket.io with Nest', aboveNest],
    ].flatMap(([what, { heapWithoutSession, rss }]) => [
      // Requests share the session, which bench:touch has a bound for.
      [`heap at most 2 048 bytes above ${what}, without the session`, heapWithoutSession <= 2_048],
      // What a process has by the page says nothing of few.
      ...(sockets < MANY ? [] : [[`resident at most 2 048 bytes above ${what}`, rss <= 2_048]]),
    ]),
  tenant: (r) => [
    ['everybody was told', r.told === r.sockets],
    ['all are closed within 3 s', r.allClosedMs <= 3_000],
    ['the p99 of /me is below 100 ms', r.meP99Ms < 100 && only200(r.statuses)],
  ],
  storm: (r) => [
    ['every client is back, once', r.open === r.sockets && r.connections === r.sockets],
    ['every request was answered', only200(r.me.statuses) && only200(r.health.statuses)],
    ['all are back within 30 s', Math.max(...r.allBackMs) <= 30_000],
    ['the heap is what it was, within 10 %', r.heapAfter <= 1.1 * r.heapBefore],
  ],
};

/** Each with whether it is met. */
export function targetsOf(name, result) {
  return TARGETS[name](result).map(([what, met]) => ({ what, met }));
}
