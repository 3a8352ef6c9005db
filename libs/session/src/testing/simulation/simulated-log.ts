import type { ChangeLogConnection, LogOpening, LogRead } from '../../sync/change-log.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedLink } from './simulated-link.js';
import { parseSnapshot, snapshotText } from './transaction-ids.js';

/** The tail's connection to the simulated database: as `PostgresChangeLog`, with the same condition on transaction ids. */
export class SimulatedChangeLog implements ChangeLogConnection {
  #isBroken = false;

  private constructor(
    private readonly database: SimulatedDatabase,
    private readonly link: SimulatedLink,
  ) {}

  static async connect(database: SimulatedDatabase, link: SimulatedLink): Promise<SimulatedChangeLog> {
    const connection = new SimulatedChangeLog(database, link);
    link.onBreak(() => {
      connection.#isBroken = true;
    });
    await link.call(() => Promise.resolve());
    return connection;
  }

  open(): Promise<LogOpening> {
    return this.#call(() => ({
      ...this.#read(() => false),
      cutOffs: this.database.cutOffs.map(({ cutOff }) => cutOff),
    }));
  }

  readSince(position: string): Promise<LogRead> {
    const { xmax, xip } = parseSnapshot(position);
    return this.#call(() => this.#read((xid) => xid >= xmax || xip.includes(xid)));
  }

  close(): Promise<void> {
    this.#isBroken = true;
    return Promise.resolve();
  }

  #call<T>(read: () => T): Promise<T> {
    return this.link.call(() =>
      this.#isBroken ? Promise.reject(new Error('The connection is closed.')) : Promise.resolve(read()),
    );
  }

  /** One statement: everything that is visible to its snapshot, which is what is committed now. */
  #read(isNew: (xid: number) => boolean): LogRead {
    const { transactionIds, log, serverStartedAt } = this.database;
    const { random } = this.database.world;
    const snapshot = transactionIds.snapshot();
    const rows = log.filter((row) => isNew(row.xid)).sort((a, b) => a.xid - b.xid || a.id - b.id);
    return {
      changes: rows.map(({ id: _id, xid: _xid, ...change }) => change),
      position: snapshotText(snapshot),
      nextTransaction: BigInt(snapshot.xmax),
      serverStartedAt,
      now: this.database.now() + random.between(0, 0.5),
      asOf: this.database.now() - random.between(0, 0.5),
    };
  }
}
