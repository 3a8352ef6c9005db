import { createHash } from 'node:crypto';
import type { LoggerService } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  SessionAdminService,
  SessionChecker,
  type SessionEvent,
  type SessionEventListener,
  SessionEvents,
  SessionHealth,
  SessionService,
} from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';

/** Below the time limit of a test, so that the failure says what did not come. */
const WITHIN_MS = 25_000;

class Listener {
  readonly events: SessionEvent[] = [];

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  readonly hear = (event: SessionEvent): void => {
    this.events.push(event);
  };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${WITHIN_MS} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe('the events of sessions on two nodes', () => {
  let here: TestApp;
  let there: TestApp;
  let listener: Listener;
  let logged: string[];

  beforeEach(async () => {
    logged = [];
    const keep = (text: unknown): void => {
      logged.push(String(text));
    };
    const logger: LoggerService = { log: () => undefined, warn: () => undefined, error: keep, fatal: keep };
    listener = new Listener();
    here = await startTestApp();
    there = await startTestApp({
      joins: here,
      logger,
      // Before the application starts: its first position in the log is no reason to start anew.
      configure: (app) => app.get(SessionEvents).subscribe(listener.hear),
    });
    await caughtUp();
  });

  afterEach(async () => {
    await there.close();
    await here.close();
  });

  const signIn = (userId: string) => here.app.get(SessionService).signIn({ userId });

  const subscribe = (hear: SessionEventListener): (() => void) => there.app.get(SessionEvents).subscribe(hear);

  /** Changes of sessions that nobody has. */
  const write = (count: number): Promise<unknown> =>
    here.db.dataSource.query(
      `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id)
       SELECT clock_timestamp(), 'revoked', gen_random_uuid(), n, '' FROM generate_series(1, $1) n`,
      [count],
    );

  /** Both nodes have a position in the log; what is written from now on is read. */
  async function caughtUp(): Promise<void> {
    for (const { app } of [here, there]) {
      const deadline = performance.now() + WITHIN_MS;
      while ((await app.get(SessionHealth).check()).status !== 'ok') expect(performance.now()).toBeLessThan(deadline);
    }
  }

  it('are told once each, in order, on the node that did it and on the other', async () => {
    const own = new Listener();
    const unsubscribe = here.app.get(SessionEvents).subscribe(own.hear);
    const { session, token } = await signIn('anna');
    await here.app.get(SessionService).name({ userId: 'anna', tenantId: null }, session.id, 'phone');
    const rotated = await here.app.get(SessionService).rotate(session, { reason: 'raised' });
    await here.app.get(SessionAdminService).revoke(session.id, { reason: 'stolen', by: 'root' });
    await until(() => listener.events.length >= 4 && own.events.length >= 4);
    await signIn('last');
    await until(() => listener.events.length >= 5 && own.events.length >= 5);
    expect(listener.types).toEqual(['created', 'renamed', 'rotated', 'revoked', 'created']);
    expect(own.events).toEqual(listener.events);
    expect(listener.events[3]).toEqual({
      type: 'revoked',
      sessionId: session.id,
      userId: 'anna',
      tenantId: null,
      version: 4,
      reason: 'stolen',
      actor: 'root',
      at: expect.any(Date),
    });

    const told = JSON.stringify(listener.events);
    for (const secret of [token, rotated.token]) {
      const digest = createHash('sha256').update(secret).digest();
      for (const form of [secret, secret.split('.')[2]!, digest.toString('hex'), digest.toString('base64')]) {
        expect(told).not.toContain(form);
      }
    }

    unsubscribe();
    await signIn('later');
    await until(() => listener.events.length >= 6);
    expect(own.events).toHaveLength(5);
  });

  it('are one for a cut-off, which says whose sessions it ends', async () => {
    await signIn('anna');
    await here.app.get(SessionAdminService).cutOff({ userId: 'anna', reason: 'left', by: 'root' });
    await until(() => listener.events.length >= 2);
    const scope = expect.objectContaining({ userId: 'anna' });
    expect(listener.events[1]).toMatchObject({ type: 'cut_off', sessionId: null, userId: 'anna', reason: 'left' });
    expect(listener.events[1]).toMatchObject({ cutOff: { scope, notBefore: expect.any(Number) } });
  });

  it('are told after this node has applied them', async () => {
    const { session, token } = await signIn('anna');
    const checker = there.app.get(SessionChecker);
    const verdicts: unknown[] = [];
    subscribe((event) => {
      // What is decided without a promise is decided from memory.
      if (event.type === 'revoked') verdicts.push(checker.verify(token));
    });
    const known = await checker.verify(token);
    expect(known.session?.id).toBe(session.id);
    expect(checker.verify(token)).toBe(known);
    await here.app.get(SessionAdminService).revoke(session.id, { reason: 'stolen', by: 'root' });
    await until(() => verdicts.length === 1);
    expect(verdicts[0]).not.toBe(known);
    expect(await verdicts[0]).toMatchObject({ error: { code: 'SESSION_REVOKED' } });
  });

  it('are told once each over the pages and slices of a large read', async () => {
    await write(12_345);
    await until(() => listener.events.length >= 12_345);
    await signIn('last');
    await until(() => listener.events.length >= 12_346);
    const versions = listener.events.slice(0, -1).map((event) => (event.type === 'resync' ? event : event.version));
    expect(versions).toEqual(Array.from({ length: 12_345 }, (_, n) => n + 1));
  });

  it('begin anew with one resync when the connection to the log was lost', async () => {
    await here.db.dataSource.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'identity-session tail' AND datname = current_database()`,
    );
    await until(() => listener.events.length >= 1);
    expect(listener.events).toEqual([{ type: 'resync', reason: 'connection-lost' }]);
    const { session } = await signIn('anna');
    await until(() => listener.events.length >= 2);
    expect(listener.events.slice(1)).toMatchObject([{ type: 'created', sessionId: session.id }]);
  });

  it('are one resync for a listener that is too slow, and keep nobody else waiting', async () => {
    const slow = new Listener();
    let release: () => void = () => undefined;
    const unsubscribe = subscribe(async (event) => {
      slow.hear(event);
      if (slow.events.length === 1) await new Promise<void>((resolve) => (release = resolve));
    });
    await write(1);
    await until(() => slow.events.length === 1);
    await write(10_001);
    await until(() => listener.events.length >= 10_002);
    release();
    await until(() => slow.events.length >= 2);
    expect(slow.events[1]).toEqual({ type: 'resync', reason: 'queue-overflow' });
    const { session } = await signIn('anna');
    await until(() => slow.events.length >= 3);
    expect(slow.events.slice(2)).toMatchObject([{ type: 'created', sessionId: session.id }]);
    expect(listener.types).not.toContain('resync');
    unsubscribe();
  });

  it('harm nobody when a listener throws or rejects, and are logged once for each kind', async () => {
    subscribe(() => {
      throw new TypeError('thrown');
    });
    subscribe(() => Promise.reject(new RangeError('rejected')));
    const { session, token } = await signIn('anna');
    await signIn('ben');
    await here.app.get(SessionAdminService).revoke(session.id, { reason: 'stolen', by: 'root' });
    await until(() => listener.events.length >= 3);
    expect(listener.types).toEqual(['created', 'created', 'revoked']);
    expect((await fetch(`${there.url}/me`, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(401);
    await until(() => logged.length >= 4);
    expect(logged.map((line) => /type "(\w+)": (\w+)/.exec(line)?.slice(1)).sort()).toEqual([
      ['created', 'RangeError'],
      ['created', 'TypeError'],
      ['revoked', 'RangeError'],
      ['revoked', 'TypeError'],
    ]);
  });

  it('are not told any more once the application has shut down', async () => {
    let release: () => void = () => undefined;
    const told: SessionEvent[] = [];
    subscribe(async (event) => {
      told.push(event);
      await new Promise<void>((resolve) => (release = resolve));
    });
    await write(3);
    await until(() => listener.events.length >= 3);
    await there.app.close();
    release();
    await write(3);
    await signIn('later');
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(told).toHaveLength(1);
    expect(listener.events).toHaveLength(3);
  });
});
