import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionHealth } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { BlackHole } from './support/black-hole.js';
import { signedIn } from './support/client.js';
import { eventually, followsLog } from './support/time.js';

const SILENT = { log: () => undefined, error: () => undefined, warn: () => undefined };
const LEASE_MS = 600;

describe('with connections that are lost without a word', () => {
  let node: TestApp;
  let hole: BlackHole;

  beforeAll(async () => {
    node = await startTestApp({
      logger: SILENT,
      options: { maxStalenessMs: LEASE_MS, tailIntervalMs: 50, storeDeadlineMs: 300 },
      databaseUrl: async (direct) => {
        const made = await BlackHole.before(direct);
        hole = made.hole;
        return made.url;
      },
    });
    await followsLog(node);
  });
  afterAll(async () => {
    await hole.destroy();
    await node.close();
  });

  const log = async (): Promise<string | undefined> =>
    (await node.app.get(SessionHealth).check()).checks['log']?.status;

  it('[row 66] nobody is admitted beyond the lease, and the change log is followed again once there are new ones', async () => {
    const user = await signedIn(node, { userId: 'user' });
    hole.open();
    await eventually(async () => (await user.alive()) === 503);
    await eventually(async () => (await log()) === 'degraded');
    // Long enough that a new connection has been tried, and was swallowed too.
    const begunAt = performance.now();
    await eventually(() => performance.now() - begunAt > 2 * LEASE_MS);
    hole.close();
    await eventually(async () => (await log()) === 'ok');
    expect(await log()).toBe('ok');
  });
});
