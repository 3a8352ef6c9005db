import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Injectable, type LoggerService } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DurableSessionListener,
  type EventDelivery,
  OnSessionEvent,
  SessionAdminService,
  SessionDeadLetters,
  SessionListeners,
  SessionMetrics,
  type SessionEvent,
  SessionService,
} from 'nestjs-identity-session';
import { InMemorySessionStore } from 'nestjs-identity-session/testing';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/app.js';
import { until } from './support/until.js';

const NODE = fileURLToPath(new URL('support/listener-node.ts', import.meta.url));
const LOADER = new URL('../../scripts/typescript.mjs', import.meta.url).href;

interface Told {
  readonly event: SessionEvent;
  readonly delivery: EventDelivery;
  readonly by: string;
}

/** What was told, to all nodes of a test; a test says what becomes of it. */
let told: Told[] = [];
let deal: (event: SessionEvent) => unknown = () => undefined;
let nodes = 0;

@Injectable()
class Audit {
  readonly #by = `node ${(nodes += 1)}`;

  @DurableSessionListener('audit')
  hear(event: SessionEvent, delivery: EventDelivery): unknown {
    told.push({ event, delivery, by: this.#by });
    return deal(event);
  }
}

@Injectable()
class FromBeginning {
  readonly told: SessionEvent[] = [];

  @DurableSessionListener('from-beginning', { from: 'beginning', types: ['created', 'resync'] })
  hear(event: SessionEvent): void {
    this.told.push(event);
  }
}

@Injectable()
class Local {
  @OnSessionEvent('resync')
  hear(): void {}

  @DurableSessionListener('audit')
  again(): void {}
}

const quiet: LoggerService = { log: () => undefined, warn: () => undefined, error: () => undefined };
const typesOf = (): string[] => told.map(({ event }) => event.type);
/** A lease that no busy machine lets lapse: whoever is asleep for longer than its lease rightly loses the name to another. */
const listeners = { retryMs: 1, maxAttempts: 3, leaseMs: 60_000 };

describe('durable listeners', () => {
  let app: TestApp;

  const start = (given: TestAppOptions = {}) =>
    startTestApp({ logger: quiet, providers: [Audit], options: { listeners, tailIntervalMs: 50 }, ...given });

  beforeEach(async () => {
    told = [];
    deal = () => undefined;
    app = await start();
  });

  afterEach(() => app.close());

  const signIn = async (userId: string) => (await app.app.get(SessionService).signIn({ userId })).session;
  const revoke = (id: string) => app.app.get(SessionAdminService).revoke(id, { reason: 'test', by: 'root' });
  const idle = () =>
    until('nothing is left to do', async () => {
      const rows: unknown[] = await app.db.dataSource.query(
        'SELECT 1 FROM identity_session_listener WHERE leased_by IS NOT NULL OR target IS NOT NULL',
      );
      return rows.length === 0;
    });

  it('are told of each event once, in order, by an id of its own; a new one of what the log still has', async () => {
    const session = await signIn('ann');
    await app.app.get(SessionService).name(session, session.id, 'Desk');
    await revoke(session.id);
    await until('all are told', () => told.length >= 3);
    await idle();
    expect(typesOf()).toEqual(['created', 'renamed', 'revoked']);
    expect(told[2]).toMatchObject({ event: { sessionId: session.id, reason: 'test' }, delivery: { attempt: 1 } });
    expect(new Set(told.map(({ delivery }) => delivery.id)).size).toBe(3);
    const late = await start({ joins: app, providers: [FromBeginning] });
    const fromBeginning = late.app.get(FromBeginning);
    await until('the past is told', () => fromBeginning.told.length >= 1);
    await late.close();
    expect(fromBeginning.told.map(({ type }) => type)).toEqual(['created']);
    expect(told).toHaveLength(3);
  });

  it('are called again for what fails, and put it aside in the end', async () => {
    deal = ({ type }) => (type === 'created' ? Promise.reject(new Error('a bug')) : undefined);
    const session = await signIn('bob');
    await revoke(session.id);
    await until('the next is told', () => typesOf().includes('revoked'));
    expect(told.map(({ event, delivery }) => [event.type, delivery.attempt])).toEqual([
      ['created', 1],
      ['created', 2],
      ['created', 3],
      ['revoked', 1],
    ]);
    await idle();
    expect(await app.app.get(SessionListeners).list()).toEqual([
      { name: 'audit', node: null, lagMs: 0, attempts: 0, failingSince: null, retryAt: null, deadLetters: 1 },
    ]);
    const counted = app.app.get(SessionMetrics).collect();
    const outcomes = counted.filter(({ name }) => name === 'identity_session_listener_events_total');
    expect(outcomes.map(({ labels, value }) => [labels?.['outcome'], value])).toEqual([
      ['done', 1],
      ['failed', 3],
      ['buried', 1],
    ]);
    const letters = app.app.get(SessionDeadLetters);
    const [letter] = await letters.list({ listener: 'audit' });
    expect(letter).toMatchObject({ listener: 'audit', error: 'Error: a bug', attempts: 3 });
    expect(letter?.event).toEqual(told[0]?.event);
    const { id } = letter!;
    expect([await letters.retry('no id'), await letters.discard('-1'), await letters.retry('9'.repeat(30))]).toEqual([
      false,
      false,
      false,
    ]);
    await expect(letters.list({ after: "' OR 1=1" })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(letters.retry(id)).rejects.toThrow('a bug');
    expect(await letters.list({ listener: 'other' })).toEqual([]);
    deal = () => undefined;
    expect(await letters.retry(id)).toBe(true);
    expect(told.at(-1)).toEqual({ ...told[0], delivery: { id: told[0]?.delivery.id, attempt: 4 } });
    expect([await letters.list(), await letters.retry(id), await letters.discard(id)]).toEqual([[], false, false]);
  });

  it('work on one node at a time, and miss nothing that commits late', async () => {
    const other = await start({ joins: app });
    let atWork = 0;
    let most = 0;
    deal = async () => {
      atWork += 1;
      most = Math.max(most, atWork);
      await new Promise((resolve) => setImmediate(resolve));
      atWork -= 1;
    };
    const slow = app.db.dataSource.createQueryRunner();
    await slow.startTransaction('READ COMMITTED');
    const write = (id: string): string =>
      `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id)
       VALUES (clock_timestamp(), 'revoked', '${id}', 2, '')`;
    const late = '00000000-0000-7000-8000-000000000001';
    await slow.query(write(late));
    await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const node = n % 2 === 0 ? app : other;
        await node.app.get(SessionService).signIn({ userId: `user ${n}` });
      }),
    );
    await until('what has committed is told', () => told.length >= 40);
    await idle();
    await slow.commitTransaction();
    await slow.release();
    await until('what commits late is told', () => told.length >= 41);
    await idle();
    await other.close();
    expect(told.at(-1)?.event).toMatchObject({ sessionId: late });
    expect(new Set(told.map(({ delivery }) => delivery.id)).size).toBe(41);
    expect(told).toHaveLength(41);
    expect(most).toBe(1);
  });

  it('go on where a process that was killed has stopped, each event at least once', async () => {
    await app.close();
    app = await start({ providers: [] });
    const child = spawn(process.execPath, ['--import', LOADER, NODE, app.db.database.url], {
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const heardThere = (): string[] => [...printed.matchAll(/^heard (\S+)$/gm)].map((found) => found[1] ?? '');
    await until('the process is ready', () => printed.includes('ready'));
    const ids: string[] = [];
    for (let n = 0; n < 120; n += 1) ids.push((await signIn(`user ${n}`)).id);
    await until('it is in the midst of it', () => heardThere().length >= 30);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    const before = heardThere();
    expect(before.length).toBeLessThan(ids.length);
    const other = await start({ joins: app });
    await until('the rest is told', () => new Set([...before, ...sessionsTold()]).size === ids.length);
    await idle();
    await other.close();
    expect([...before, ...sessionsTold()].length - ids.length).toBeLessThanOrEqual(25);
    expect(sessionsTold()).toEqual(ids.slice(ids.indexOf(sessionsTold()[0]!)));
  });

  const sessionsTold = (): string[] =>
    told.flatMap(({ event }) => (event.type === 'resync' || event.sessionId === null ? [] : [event.sessionId]));

  it('are told that they have missed something where the log may have forgotten it', async () => {
    await app.db.dataSource.query(
      `UPDATE identity_session_listener SET position_at = now() - interval '90 days' WHERE name = 'audit'`,
    );
    await until('it is told', () => told.length >= 1);
    await idle();
    await signIn('cy');
    await until('it goes on', () => told.length >= 2);
    expect(told.map(({ event }) => event)).toMatchObject([
      { type: 'resync', reason: 'log-horizon' },
      { type: 'created', userId: 'cy' },
    ]);
  });

  it('are refused at start without the PostgreSQL store, and with one name twice', async () => {
    const store = new InMemorySessionStore();
    await expect(start({ joins: app, options: { store } })).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      message: expect.stringContaining('"audit" needs the change log of the PostgreSQL store'),
    });
    await expect(start({ joins: app, providers: [Audit, Local] })).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      message: expect.stringContaining('"audit" is there twice'),
    });
  });
});
