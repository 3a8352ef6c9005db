// The plans as a document, so that a change of one shows.

/** What differs from run to run, and what the statement did not need. */
const NOISE =
  /^\s*(Buffers|Planning|Execution|JIT|Functions|Options|Timing|I\/O|Memory|Sort Method|Buckets|Heap Fetches|Index Searches|Filter|Join Filter|Recheck)|never executed/;

/** Ids, digests and figures differ from run to run; what matters is the way that the database took. */
const steady = (plan) =>
  plan
    .split('\n')
    .filter((line) => !NOISE.test(line))
    .map((line) => (line.length > 160 ? `${line.slice(0, 157)}...` : line))
    .join('\n');

export function plansOf(head, results) {
  const parts = results.map(({ name, first, late, plans }) => {
    const thousandth = late === null ? '' : `, thousandth page ${late.toFixed(1)} ms`;
    const texts = plans.map((plan) => `\`\`\`text\n${steady(plan)}\n\`\`\``).join('\n\n');
    return `## ${name}\n\nFirst page ${first.toFixed(1)} ms${thousandth} (p95).\n\n${texts}\n`;
  });
  return [
    '# Plans of the administrators’ queries\n',
    'Written by `npm run bench:admin -- --plans docs/plans.md`; not to be edited. Of each query the statements of its first ' +
      'page, as the database carried them out.\n',
    `${head}.\n`,
    ...parts,
  ].join('\n');
}
