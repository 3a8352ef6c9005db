import Sequencer from '@jest/test-sequencer';

/** Files that take long whatever their size, longest first: begun last, one would keep a single core busy at the end. */
const LONGEST = [
  'test/cluster/limit',
  'store/postgres/postgres-session-store',
  'test/server/start',
  'test/cluster/revocation',
  'test/faults/redis',
  'simulation/simulation',
  'test/security/identity',
  'simulation/safeguards',
  'embedded-postgres/src/start-embedded-postgres',
  'test/security/fail-closed',
  'test/server/faults',
  'test/cluster/session-events',
  'test/fuzz/fuzz',
  'test/targets/outage',
  'embedded-postgres/src/crash',
  'test/cluster/cut-offs',
  'test/cluster/settings',
  'test/server/password',
].map((name) => `${name}.spec.ts`);

/** A clean checkout has no times of earlier runs, by which Jest would order files; the rest follows as Jest has it. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const found = LONGEST.findIndex((name) => path.replaceAll('\\', '/').endsWith(name));
      return found < 0 ? LONGEST.length : found;
    };
    return super.sort(tests).sort((a, b) => place(a) - place(b));
  }
}
