// What the figures should be; said once, for the report and for the exit code. Each is a text, whether it is met, and, where
// a short run on a busy machine says nothing of it, that it is told and not judged there.

const MANY = 10_000;

const only200 = (statuses) => Object.keys(statuses).every((status) => status === '200');

const UNSURE = 'unsure';

const TARGETS = {
  revocation: ({ fromAnswerMs }) => [
    ['p99 at most 50 ms', fromAnswerMs.p99 <= 50, UNSURE],
    ['p50 at most 50 ms', fromAnswerMs.p50 <= 50],
  ],
  withoutHints: ({ fromAnswerMs, tailIntervalMs }) => [
    [`max at most ${tailIntervalMs + 200} ms`, fromAnswerMs.max <= tailIntervalMs + 200, UNSURE],
    // Each try begins where the tail has just looked: the next look finds it.
    [`p50 less than ${2 * tailIntervalMs} ms`, fromAnswerMs.p50 < 2 * tailIntervalMs],
  ],
  memory: ({ sockets, aboveSocketIo, aboveNest }) =>
    [
      ['plain socket.io', aboveSocketIo],
      ['socket.io with Nest', aboveNest],
    ]
      .filter(([, added]) => added !== undefined)
      .flatMap(([what, { heap, heapWithoutSession, rss }]) => [
        // Requests share the session, which bench:touch has a bound for.
        [`heap at most 2 048 bytes above ${what}, without the session`, heapWithoutSession <= 2_048],
        [`heap at most 2 048 bytes above ${what}, with the session`, heap <= 2_048, UNSURE],
        // What a process has by the page says nothing of few, and holds garbage: what has come and gone in between.
        ...(sockets < MANY ? [] : [[`resident at most 2 048 bytes above ${what}`, rss <= 2_048, UNSURE]]),
      ]),
  tenant: (r) => [
    ['everybody was told', r.told === r.sockets],
    ['all are closed within 3 s', r.allClosedMs <= 3_000, UNSURE],
    ['all are closed within 20 s', r.allClosedMs <= 20_000],
    ['the p99 of /me is below 100 ms', r.meP99Ms < 100, UNSURE],
    ['every request was answered', only200(r.statuses)],
  ],
  storm: (r) => [
    ['every client is back, once', r.open === r.sockets && r.connections === r.sockets],
    ['every request was answered', only200(r.me.statuses) && only200(r.health.statuses)],
    ['all are back within 30 s', Math.max(...r.allBackMs) <= 30_000, UNSURE],
    ['the heap is what it was, within 10 %', r.heapAfter <= 1.1 * r.heapBefore],
  ],
};

/** Each with whether it is met, and whether that counts. */
export function targetsOf(name, result, { quick }) {
  return TARGETS[name](result).map(([what, met, sure]) => ({ what, met, isJudged: !quick || sure !== UNSURE }));
}
