// Repeats what "npm test" runs in a shorter form: the limit race on every isolation level, more revocations on two
// nodes, more interleaved requests, a file of many sessions on both servers, the store's contract on every isolation
// level, and what ends many sessions among four times as many.
import { spawnSync } from 'node:child_process';

const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    'test/cluster/limit.spec.ts',
    'test/cluster/revocation.spec.ts',
    'test/security/bulk.spec.ts',
    'test/security/cut-offs.spec.ts',
    'test/security/export.spec.ts',
    'test/security/identity.spec.ts',
    'store/postgres/postgres-session-store.spec.ts',
  ],
  { stdio: 'inherit', env: { ...process.env, TEST_IN_FULL: '1' } },
);
process.exit(status ?? 1);
