// Writes into docs/security.md which tests prove which row of the checklist, from the names of the tests; with --check it
// only tells whether the document says so already.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';

const ROWS = {
  1: 'A token has 256 bits from the system’s generator',
  2: 'The public id is no credential; no answer carries the token',
  3: 'Only a digest is stored; the digest is no credential',
  4: 'Look-up by id, then comparison in constant time',
  5: 'An unknown token creates nothing; with keys a forged one costs no I/O',
  6: 'Signing in over a session kills its token',
  7: 'Step-up and changed rights rotate the token',
  8: 'One successor of a token, however many ask',
  9: 'Tokens in query, path and body are ignored',
  10: 'A pending session passes no guard',
  11: 'Freshness and assurance per route',
  12: 'A GET creates no session',
  13: 'Idle limit, to the second',
  14: 'Absolute limit, whatever the activity',
  15: 'Lifetimes by level of assurance',
  16: 'What moves which limit',
  17: 'The cookie does not outlive the session',
  18: 'Expired is refused without cleanup',
  19: 'Touching an ended session changes nothing',
  20: 'Polls are no activity where a route says so',
  21: 'Last access never goes back, and costs one row write',
  22: 'Signed out is refused, on every node',
  23: 'Nothing revives an ended session',
  24: 'A late fill of the cache is not served',
  25: 'Revoked on one node, refused on another',
  26: 'A disabled account’s sessions end',
  27: 'A changed credential ends the others and rotates this one',
  28: 'An administrator ends one, a user’s, a tenant’s or all, whatever there is',
  29: 'Bulk revocation asks the database',
  30: 'What survives a bulk revocation is listed and revocable',
  31: 'Revoking nothing reports no success',
  32: 'Durable before the answer',
  33: 'Sign-out clears the cookie and the browser’s data',
  34: 'The limit race',
  35: 'The same under stricter isolation levels',
  36: 'The oldest goes, never the newcomer',
  37: 'Ended sessions do not count; a rejection is no failed password',
  38: 'Re-authentication takes no slot',
  39: 'Every way to a session passes the policy',
  40: 'Limits are per tenant',
  41: 'Lowering a limit converges',
  42: 'Own sessions only',
  43: 'A user’s sessions only under that user',
  44: 'A tenant’s administrator stays inside',
  45: 'A fresh factor for ending other sessions, where configured',
  46: 'No mass assignment',
  47: 'Exactly the documented keys',
  48: 'Capped pages, validated cursors, listed sorts',
  49: 'Safe verbs change nothing, others get 405',
  50: 'The cookie’s attributes',
  51: 'Duplicate and mis-spelt cookies do not match',
  52: 'Other sites’ pages change nothing',
  53: 'no-store',
  55: 'CORS by exact origin',
  56: 'X-Forwarded-For through configured hops only',
  54: 'Content security policy, nosniff, no framing of served pages',
  57: 'A session that turns up elsewhere',
  58: 'Sockets: exact origins on polling and websocket',
  59: 'Sockets close with their session, and with no other',
  60: 'Sockets: an end between handshake and connection',
  61: 'Sockets: connection state recovery revives nothing',
  62: 'Sockets: what is sent on an ended session is refused',
  63: 'Sockets: payload, caps and deadlines',
  64: 'Problem documents; the reason only for the secret',
  65: 'No token in logs',
  66: 'Store trouble is 503, never admission',
  67: 'No mix-up of identities',
  68: 'Cleanup ends each session once, and none that was touched',
};

const files = execFileSync('git', [
  'ls-files',
  '--cached',
  '--others',
  '--exclude-standard',
  '*.spec.ts',
  '*.contract.ts',
])
  .toString()
  .trim()
  .split('\n')
  // Files that are not added yet come first otherwise, and move once they are.
  .sort();
const proofs = new Map();
for (const file of files) {
  for (const [, rows] of readFileSync(file, 'utf8').matchAll(/\[rows? ([0-9, ]+)\]/g)) {
    for (const row of rows.split(',').map(Number)) proofs.set(row, (proofs.get(row) ?? new Set()).add(file));
  }
}

const unnamed = [...proofs.keys()].filter((row) => !(row in ROWS));
const unproven = Object.keys(ROWS).filter((row) => !proofs.has(Number(row)));
const lines = Object.entries(ROWS)
  .filter(([row]) => proofs.has(Number(row)))
  .map(([row, title]) => {
    const links = [...proofs.get(Number(row))].map(
      (file) => `[${file.split('/').pop().replace(/\.ts$/, '')}](../${file})`,
    );
    return `| ${row} | ${title} | ${links.join(', ')} |`;
  });
const path = new URL('../docs/security.md', import.meta.url);
const before = readFileSync(path, 'utf8');
const table = ['| row | what holds | tests |', '| --- | --- | --- |', ...lines].join('\n');
const replaced = before.replace(
  /<!-- rows -->[\s\S]*?<!-- \/rows -->/,
  () => `<!-- rows -->\n\n${table}\n\n<!-- /rows -->`,
);
const after = await format(replaced, { ...(await resolveConfig('docs/security.md')), parser: 'markdown' });

if (unnamed.length > 0) throw new Error(`Name the rows ${unnamed.join(', ')} in scripts/security-map.mjs.`);
if (process.argv.includes('--check')) {
  const problems = [
    ...(after === before ? [] : ['docs/security.md is out of date: run "node scripts/security-map.mjs".']),
    ...(unproven.length === 0 ? [] : [`No test names the rows ${unproven.join(', ')} any more.`]),
  ];
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
} else {
  writeFileSync(path, after);
  if (unproven.length > 0) console.error(`No test names the rows ${unproven.join(', ')}.`);
}
