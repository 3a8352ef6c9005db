import Sequencer from '@jest/test-sequencer';

/** Files that take long whatever their size, longest first: begun last, one would keep a single core busy at the end. */
const LONGEST = [
  'test/server/start',
  'test/cluster/limit',
  'test/cluster/revocation',
  'store/postgres/postgres-session-store',
  'test/security/fail-closed',
  'store/postgres/migrate',
  'redis/redis-session-cache',
  'test/server/faults',
  'test/faults/redis',
  'test/cluster/session-events',
  'simulation/safeguards',
  'test/cluster/durability',
  'nest/cleanup/session-cleanup',
  'test/sockets/registry',
  'embedded-postgres/src/crash',
  'embedded-postgres/src/start-embedded-postgres',
  'test/browser/example',
  'test/server/open-api',
  'test/server/accounts',
  'test/security/cut-offs',
  'test/security/bulk',
  'test/security/rotation',
  'test/cluster/cleanup',
  'test/fuzz/fuzz',
  'test/server/sign-in',
  'test/server/sockets',
  'test/security/identity',
  'simulation/simulation',
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
