import type { LoggerService } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type IdentitySessionOptions,
  SessionAdminService,
  SessionMetrics,
  SessionService,
} from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Client, signedIn } from '../security/support/client.js';
import { sql } from '../security/support/rows.js';

describe('a node that warms its memory up', () => {
  const clients: Client[] = [];
  let first: TestApp;
  let node: TestApp | undefined;
  let reads: string[];
  let warnings: string[];

  beforeAll(async () => {
    first = await startTestApp();
    for (let n = 0; n < 20; n += 1) clients.push(await signedIn(first, { userId: `user-${n}` }));
    // The last are used most recently.
    for (const [n, { sessionId }] of clients.entries()) {
      await sql(
        first,
        `UPDATE identity_session SET last_accessed_at = clock_timestamp() - $2 * interval '1 minute' WHERE id = $1`,
        [sessionId, 20 - n],
      );
    }
  });

  afterAll(() => first.close());

  afterEach(async () => {
    await node?.close();
    node = undefined;
  });

  async function restart(options: IdentitySessionOptions): Promise<TestApp> {
    warnings = [];
    reads = [];
    const ignore = () => undefined;
    const logger: LoggerService = {
      log: ignore,
      error: ignore,
      warn: (text: unknown) => {
        warnings.push(String(text));
      },
    };
    node = await startTestApp({
      joins: first,
      options,
      logger,
      onQuery: (statement) => {
        if (/FROM identity_session s|JOIN identity_session s/.test(statement)) reads.push(statement);
      },
    });
    return node;
  }

  const cached = ({ app }: TestApp): number | undefined =>
    app
      .get(SessionMetrics)
      .collect()
      .find(({ name }) => name === 'identity_session_cached_sessions')?.value;

  it('answers all that were live without a read of the database', async () => {
    const [revoked, live] = [clients[19]!, clients.slice(0, 19)];
    await first.app.get(SessionAdminService).revoke(revoked.sessionId, { reason: 'test', by: null });
    const warm = await restart({ warmUp: { sessions: 1_000 } });
    reads = [];
    for (const client of live) expect(await client.at(warm).alive()).toBe(200);
    expect(reads).toEqual([]);
    expect(await revoked.at(warm).alive()).toBe(401);
    clients.pop();
  });

  it('holds no more than it was told to, those that were used last', async () => {
    const warm = await restart({ warmUp: { sessions: 5 } });
    expect(cached(warm)).toBe(5);
    reads = [];
    for (const client of clients.slice(-5)) expect(await client.at(warm).alive()).toBe(200);
    expect(reads).toEqual([]);
    expect(await clients[0]!.at(warm).alive()).toBe(200);
    expect(reads).toHaveLength(1);
  });

  it('reads nothing where it was not told to', async () => {
    const cold = await restart({});
    expect(reads).toEqual([]);
    expect(await clients[0]!.at(cold).alive()).toBe(200);
    expect(reads).toHaveLength(1);
  });

  it('starts in time, and says so, where the database does not answer', async () => {
    const holder = first.db.dataSource.createQueryRunner();
    await holder.startTransaction();
    try {
      await holder.query('LOCK TABLE identity_session IN ACCESS EXCLUSIVE MODE');
      const begunAt = performance.now();
      await restart({ warmUp: { sessions: 1_000, withinMs: 200 } });
      expect(performance.now() - begunAt).toBeLessThan(10_000);
      expect(warnings.some((text) => text.includes('could not be warmed up'))).toBe(true);
    } finally {
      await holder.rollbackTransaction();
      await holder.release();
    }
    expect(await clients[0]!.at(node!).alive()).toBe(200);
  });

  it('refuses what was revoked after it began', async () => {
    const warm = await restart({ warmUp: { sessions: 1_000 } });
    const client = await signedIn(first, { userId: 'late' });
    expect(await client.at(warm).alive()).toBe(200);
    const victim = clients[3]!;
    expect(await victim.at(warm).alive()).toBe(200);
    await warm.app.get(SessionAdminService).revoke(victim.sessionId, { reason: 'test', by: null });
    expect(await victim.at(warm).alive()).toBe(401);
    expect((await warm.app.get(SessionService).find(victim.sessionId))?.status).toBe('revoked');
  });
});
