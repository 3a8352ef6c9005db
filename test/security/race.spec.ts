import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PostgresSessionStore, type SessionStore, type Snapshot } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, signedIn } from './support/client.js';
import { RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { sql } from './support/rows.js';
import { eventually, flushTouches, forget } from './support/time.js';

/** A store whose answers to loads can be held back after the database has given them. */
class HoldingStore {
  held = 0;
  #gate: Promise<void> | undefined;
  #open: () => void = () => undefined;

  hold(): void {
    this.held = 0;
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#gate = undefined;
    this.#open();
  }

  around(store: SessionStore): SessionStore {
    const findMany = async (ids: readonly string[]): Promise<Snapshot> => {
      const snapshot = await store.findMany(ids);
      const gate = this.#gate;
      if (gate !== undefined) {
        this.held += 1;
        await gate;
      }
      return snapshot;
    };
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'findMany') return findMany;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}

describe.each(ADAPTERS)('on %s', (adapter) => {
  const answers = new HoldingStore();
  let home: TestApp;
  let node: TestApp;
  let admin: Client;
  let user: Client;

  beforeAll(async () => {
    home = await startTestApp({ adapter });
    const store = answers.around(PostgresSessionStore.on(home.db.dataSource));
    node = await startTestApp({
      adapter,
      joins: home,
      controllers: [RuleController],
      // Without a log to follow only the lease limits what the node trusts.
      options: { store, maxStalenessMs: 3_600_000 },
    });
    admin = await signedIn(node, { userId: 'admin' });
  });
  beforeEach(async () => {
    user = await signedIn(node, { userId: 'user' });
  });
  afterAll(async () => {
    answers.release();
    await node.close();
    await home.close();
  });

  /** `writer` is another after every write. */
  const row = async (): Promise<{ status: string; writer: string }> => {
    const rows = await sql<{ status: string; writer: string }>(
      home,
      'SELECT status, xmin::text AS writer FROM identity_session WHERE id = $1',
      [user.sessionId],
    );
    return rows[0]!;
  };

  it('[row 24] what was read before a revocation and arrives after it is not kept', async () => {
    forget(node);
    expect(await admin.alive()).toBe(200);
    answers.hold();
    const late = user.me();
    await eventually(() => answers.held > 0);
    expect((await admin.del(`/admin/sessions/${user.sessionId}`)).status).toBe(204);
    answers.release();
    // It began before the revocation was acknowledged, and may be answered from before it.
    await late;
    expectProblem(await user.me(), 'SESSION_REVOKED');
    expectProblem(await user.get('/strict'), 'SESSION_REVOKED');
  });

  it('[row 23] a request that was paused after its read revives nothing by its touch', async () => {
    answers.hold();
    const late = user.get('/strict');
    await eventually(() => answers.held > 0);
    await admin.del(`/admin/sessions/${user.sessionId}`);
    const ended = await row();
    answers.release();
    await late;
    await flushTouches(node);
    expect(await row()).toEqual(ended);
    expect(ended.status).toBe('revoked');
    expectProblem(await user.me(), 'SESSION_REVOKED');
  });

  it('[row 21] accesses after a load that a change has overtaken are written like all others', async () => {
    await user.me();
    answers.hold();
    const late = user.get('/strict');
    await eventually(() => answers.held > 0);
    await user.patch(`/sessions/${user.sessionId}`, { deviceName: 'renamed meanwhile' });
    answers.release();
    expect((await late).status).toBe(200);
    await flushTouches(node);
    for (let count = 0; count < 2; count++) {
      const { writer } = await row();
      await user.me();
      await flushTouches(node);
      expect((await row()).writer).not.toBe(writer);
    }
  });
});
