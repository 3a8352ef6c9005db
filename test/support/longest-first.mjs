import Sequencer from '@jest/test-sequencer';

/** Files that take long whatever their size, longest first: begun last, one would keep a single core busy at the end. */
const LONGEST = [
  'test/server/start',
  'test/cluster/limit',
  'test/browser/lifecycle',
  'test/server/second-factor',
  'test/security/identity',
  'test/security/hostile-bodies',
  'test/security/export',
  'test/security/hostile-queries',
  'test/cluster/jobs',
  'test/security/touch',
  'test/server/faults',
  'test/cluster/revocation',
  'store/postgres/migrate',
  'test/sockets/registry-crash',
  'test/security/fail-closed',
  'test/sockets/hostile',
  'test/server/http',
  'nest/jobs/session-job-worker',
  'test/server/sockets',
  'embedded-postgres/src/server-user',
  'test/sockets/nodes-apart',
  'test/security/administration',
  'test/locks/session-locks',
  'test/cluster/session-events',
  'test/security/methods',
  'test/hooks/durable-listeners',
  'test/server/sign-in',
  'test/server/password',
  'test/security/doubt',
  'test/security/hostile-paths',
  'test/sockets/talking',
  'test/security/undo',
  'test/fuzz/fuzz',
  'store/postgres/postgres-session-store',
  'test/security/rotation',
  'test/sockets/handshake',
  'test/faults/redis',
  'test/security/concurrency',
  'test/security/ending',
  'nest/upkeep/log-upkeep',
  'redis/redis-session-cache',
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
  'test/cluster/cleanup',
  'simulation/simulation',
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
