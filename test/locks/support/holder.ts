import { DataSource } from 'typeorm';
import { SessionLocks } from '../../../libs/session/src/nest/locks/session-locks.js';
import { resolveOptions } from '../../../libs/session/src/nest/options/resolve-options.js';
import { PostgresSessionStore } from '../../../libs/session/src/store/postgres/postgres-session-store.js';

// A node that takes the lock of a user and never gives it back: run as a process of its own, so that it can be killed.
const [url = '', userId = '', leaseMs = ''] = process.argv.slice(2);
const dataSource = await new DataSource({ type: 'postgres', url }).initialize();
const store = PostgresSessionStore.on(dataSource);
const locks = new SessionLocks(store, resolveOptions({ locks: { leaseMs: Number(leaseMs) } }));
await locks.withUserLock({ tenantId: null, userId }, () => {
  process.stdout.write('held\n');
  return new Promise(() => undefined);
});
