import type { Cluster } from '../cluster/cluster.js';
import type { Fault } from './fault.js';
import { repeatedly } from './fault.js';

const TERMINATE_EVERY_MS = 250;
const LOCK_EVERY_MS = 400;

const crashed = (name: string, signal: 'SIGKILL' | 'SIGQUIT'): Fault => ({
  name,
  concerns: 'database',
  longestMs: 8_000,
  apply: (cluster) => {
    cluster.database.crash(signal);
    return Promise.resolve({ node: null, heal: () => cluster.database.restart() });
  },
});

/** The server and all its backends stand still: connections stay open and nothing answers. */
const stalled: Fault = {
  name: 'database stalled',
  concerns: 'database',
  apply: async (cluster) => {
    await cluster.database.signalAll('SIGSTOP');
    return { node: null, heal: () => cluster.database.signalAll('SIGCONT') };
  },
};

const BACKENDS_OF_THE_POOL = `application_name = 'identity-session-server'`;
const BACKENDS_OF_THE_TAIL = `application_name = 'identity-session tail'`;

/** `pg_terminate_backend` on some of the connections, whether they are idle, busy or in a transaction. */
const connectionsCut = (name: string, which: string, share: number): Fault => ({
  name,
  concerns: 'database',
  apply: (cluster) => {
    const cut = () =>
      cluster.database.asAdmin((client) =>
        client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND ${which} AND random() < $1`,
          [share],
        ),
      );
    return Promise.resolve({ node: null, heal: repeatedly(cut, TERMINATE_EVERY_MS) });
  },
});

/** As after a fail-over to a standby that was not promoted. */
const readOnly: Fault = {
  name: 'database read-only',
  concerns: 'database',
  apply: async (cluster) => {
    await setEverywhere(cluster, 'ALTER SYSTEM SET default_transaction_read_only = on');
    return {
      node: null,
      heal: () => setEverywhere(cluster, 'ALTER SYSTEM RESET default_transaction_read_only'),
    };
  },
};

function setEverywhere(cluster: Cluster, statement: string): Promise<void> {
  return cluster.database.asAdmin(async (client) => {
    await client.query(statement);
    await client.query('SELECT pg_reload_conf()');
  });
}

/** Holds a lock for the whole time of the fault. */
const tableLocked = (name: string, table: string): Fault => ({
  name,
  concerns: 'database',
  longestMs: 9_000,
  apply: (cluster) => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const holding = cluster.database
      .asAdmin(async (client) => {
        await client.query('BEGIN');
        await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
        await released;
        await client.query('ROLLBACK');
      })
      .catch(() => undefined);
    return Promise.resolve({
      node: null,
      heal: () => {
        release();
        return holding;
      },
    });
  },
});

/** Some live sessions at a time are locked: touches skip them, changes wait or give up. */
const rowsLocked: Fault = {
  name: 'rows locked',
  concerns: 'database',
  apply: (cluster) => {
    const lock = () =>
      cluster.database.asAdmin(async (client) => {
        await client.query('BEGIN');
        await client.query(
          `SELECT id FROM identity_session WHERE status = 'active' ORDER BY random() LIMIT 8 FOR UPDATE`,
        );
        await client.query('SELECT pg_sleep(1.5)');
        await client.query('ROLLBACK');
      });
    return Promise.resolve({ node: null, heal: repeatedly(lock, LOCK_EVERY_MS) });
  },
};

/** Forged and doubled hints: many wake-ups for nothing. */
const hintsForged: Fault = {
  name: 'hints forged',
  concerns: 'database',
  apply: (cluster) => {
    const forge = () =>
      cluster.database.asAdmin((client) =>
        client.query(`SELECT pg_notify('identity_session', 'forged ' || n) FROM generate_series(1, 200) n`),
      );
    return Promise.resolve({ node: null, heal: repeatedly(forge, 20) });
  },
};

export const DATABASE_FAULTS: readonly Fault[] = [
  crashed('database killed', 'SIGKILL'),
  crashed('database shut down at once', 'SIGQUIT'),
  stalled,
  connectionsCut('connections terminated', BACKENDS_OF_THE_POOL, 0.5),
  connectionsCut('log connections terminated', BACKENDS_OF_THE_TAIL, 0.9),
  readOnly,
  tableLocked('sessions locked', 'identity_session'),
  tableLocked('change log locked', 'identity_session_event'),
  rowsLocked,
  hintsForged,
];
