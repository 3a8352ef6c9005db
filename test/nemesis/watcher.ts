import pg from 'pg';
import { runNow } from './clock.js';
import type { Database } from './cluster/database.js';
import { pause } from './cluster/pause.js';
import type { ChangedEnd, Observations, OverLimit } from './evidence.js';
import type { Strategy } from './settings.js';

const SAMPLE_EVERY_MS = 40;
/** Ended rows are looked at in every so many samples. */
const ENDS_EVERY = 25;

/** Looks at the database from outside, past all nodes and proxies, for as long as it can be reached. */
export class Watcher {
  readonly #overLimit: OverLimit[] = [];
  readonly #changedEnds: ChangedEnd[] = [];
  /** What was read of each ended session at first. */
  readonly #ends = new Map<string, { readonly end: string; readonly version: number }>();
  #samples = 0;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly strategy: Strategy,
  ) {}

  get observations(): Observations {
    return { samples: this.#samples, overLimit: this.#overLimit, changedEnds: this.#changedEnds };
  }

  start(): void {
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /** Resolves when it has looked for the last time, which it does once more then. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#running;
    await this.database.asAdmin((client) => this.#lookAtEnds(client));
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      try {
        await this.database.asAdmin(async (client) => {
          await client.query('SET statement_timeout = 2000');
          while (this.#isRunning) {
            await this.#lookAtLimits(client);
            if (this.#samples % ENDS_EVERY === 0) await this.#lookAtEnds(client);
            await pause(SAMPLE_EVERY_MS);
          }
        });
      } catch {
        // The database is away; that is none of its business.
        await pause(200);
      }
    }
  }

  async #lookAtLimits(client: pg.Client): Promise<void> {
    const scope = this.strategy.scope === 'deviceType' ? `user_id || ' on ' || device_type` : 'user_id';
    const { rows } = await client.query<{ scope: string; sessions: string[] }>(
      `SELECT ${scope} AS scope, array_agg(id ORDER BY id) AS sessions FROM identity_session s
       WHERE status IN ('pending', 'active', 'suspended') AND holds_slot AND NOT EXISTS (
         SELECT FROM identity_session_cut_off c
         WHERE coalesce(c.tenant_id, s.tenant_id) = s.tenant_id AND coalesce(c.user_id, s.user_id) = s.user_id
           AND s.created_at <= c.not_before)
       GROUP BY 1 HAVING count(*) > $1`,
      [this.strategy.limit],
    );
    this.#samples += 1;
    const last = this.#overLimit.at(-1);
    for (const row of rows) {
      // The same excess is seen again and again until it is over.
      if (last?.sessions.join() !== row.sessions.join()) this.#overLimit.push({ at: runNow(), ...row });
    }
  }

  async #lookAtEnds(client: pg.Client): Promise<void> {
    const { rows } = await client.query<{ id: string; version: number; end: string }>(
      `SELECT id, version, concat_ws(' ', status, 'ended', ended_at, end_reason, ended_by) AS end
       FROM identity_session WHERE status NOT IN ('pending', 'active', 'suspended')`,
    );
    const seen = new Set<string>();
    for (const { id, end, version } of rows) {
      seen.add(id);
      const before = this.#ends.get(id);
      this.#ends.set(id, { end, version });
      if (before === undefined || (before.end === end && before.version === version)) continue;
      const [was, is] = [before, { end, version }].map((one) => `${one.end} version ${one.version}`) as [
        string,
        string,
      ];
      this.#changedEnds.push({ session: id, before: was, after: is, isVersionAlone: before.end === end });
    }
    for (const [id, { end: before }] of this.#ends) {
      if (seen.has(id)) continue;
      this.#changedEnds.push({ session: id, before, after: 'live again, or gone', isVersionAlone: false });
    }
  }
}
