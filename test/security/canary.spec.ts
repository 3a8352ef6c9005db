import { inspect } from 'node:util';
import type { LoggerService } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentitySessionErrorFilter, SessionEvents } from 'nestjs-identity-session';
import pg from 'pg';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, Client, presenting, signedIn } from './support/client.js';
import { ElevateController, RotateController, RuleController } from './support/controllers.js';
import { expectRefused } from './support/expectations.js';
import { requestText, sendRaw } from './support/raw.js';
import { dump } from './support/rows.js';
import { eventually, followsLog, forget } from './support/time.js';

/** The module's errors, with their causes. */
const thrown: string[] = [];

describe.each(ADAPTERS)('on %s', (adapter) => {
  const logged: string[] = [];
  const told: string[] = [];
  /** What a tracer of the driver sees: statements with their parameters. */
  const traced: string[] = [];
  const prototype = pg.Client.prototype as { query: (...given: unknown[]) => unknown };
  const { query } = prototype;
  let restore: () => void;
  let node: TestApp;

  beforeAll(async () => {
    prototype.query = function (this: unknown, ...given: unknown[]) {
      traced.push(inspect(given.slice(0, 2), { depth: 4, maxStringLength: null, maxArrayLength: null }));
      return query.apply(this, given);
    };
    const filter = IdentitySessionErrorFilter.prototype;
    const answer = Object.getOwnPropertyDescriptor(filter, 'catch')!.value as typeof filter.catch;
    filter.catch = function (this: IdentitySessionErrorFilter, error, host) {
      thrown.push(inspect(error, { depth: 8, showHidden: true }), JSON.stringify(error));
      return answer.call(this, error, host);
    };
    restore = () => {
      filter.catch = answer;
      prototype.query = query;
    };
    const log = (...parts: unknown[]) => {
      logged.push(parts.map((part) => (typeof part === 'string' ? part : inspect(part, { depth: 8 }))).join(' '));
    };
    // Every level that there is.
    const logger: LoggerService = { log, error: log, warn: log, debug: log, verbose: log, fatal: log };
    node = await startTestApp({
      adapter,
      logger,
      controllers: [RuleController, ElevateController, RotateController],
      options: {
        rotation: { intervalMs: 60_000, graceMs: 1_000 },
        drift: { userAgent: 'record', address: 'record' },
        trustProxyHops: 1,
      },
    });
    await followsLog(node);
    node.app.get(SessionEvents).subscribe((event) => told.push(inspect(event, { depth: 8, showHidden: true })));
    node.app.get(SessionEvents).subscribe((event) => {
      throw new Error(`A listener fails for ${event.type}`);
    });
  });

  afterAll(async () => {
    await node.close();
    restore();
  });

  it('[row 65] a canary token is in no log line, event, error, statement with its parameters, row or answer', async () => {
    const canaries = new Set<string>();
    const answers: Answer[] = [];
    const keep = async (answer: Promise<Answer>) => answers.push(await answer);
    const user = new Client(node.url);
    const singing = () => canaries.add(user.token);

    await user.signIn({ userId: 'canary' });
    singing();
    await keep(user.me());
    await keep(user.get('/sessions'));
    await keep(user.get(`/sessions?token=${user.token}`));
    await keep(user.get(`/sessions/${user.token}`));
    await keep(user.patch(`/sessions/${user.sessionId}`, { deviceName: user.token.slice(0, 5), token: user.token }));
    await keep(user.request('GET', '/me', { headers: { 'x-forwarded-for': '198.51.100.1', 'user-agent': 'other' } }));
    await keep(user.get('/second-factor'));
    await keep(user.post('/elevate', { assurance: 'aal2' }));
    singing();
    await keep(user.post('/rotate'));
    singing();
    for (const canary of [...canaries]) {
      // Of no use any more, nearly right, and twice.
      await keep(presenting(node, canary).get('/strict'));
      await keep(presenting(node, `${canary.slice(0, -1)}~`).me());
      await keep(user.request('GET', '/me', { headers: { authorization: `Basic ${canary}` } }));
      await keep(user.request('GET', '/me', { headers: { cookie: `session=${canary}; session=${canary}` } }));
      await keep(user.request('POST', '/sign-in', { body: `{"token":"${canary}"` }));
      await sendRaw(node, requestText('GET', '/me', [`Authorization: Bearer ${canary}\u0001`]));
    }
    forget(node);
    await node.db.dataSource.query('ALTER TABLE identity_session RENAME TO gone');
    await keep(user.me());
    await keep(user.del('/sessions'));
    await node.db.dataSource.query('ALTER TABLE gone RENAME TO identity_session');
    const admin = await signedIn(node, { userId: 'admin' });
    const events = told.length;
    await keep(admin.del(`/admin/sessions/${user.sessionId}`));
    await keep(user.me());
    await eventually(() => told.length > events);

    const rows = await dump(node);
    const everything = {
      logged,
      told,
      thrown,
      traced,
      answers: answers.map((answer) => inspect(answer.body)),
    };
    // It would prove nothing where nothing was said.
    for (const [where, texts] of Object.entries(everything)) expect([where, texts.length > 0]).toEqual([where, true]);
    expect(logged.join('\n')).toContain('A listener fails');
    expect(answers.map(({ status }) => status)).toEqual(expect.arrayContaining([200, 201, 401, 403, 405, 503]));
    expect(canaries.size).toBe(3);
    for (const canary of canaries) {
      const secret = canary.split('.')[2]!;
      expect(secret).toHaveLength(43);
      for (const [where, texts] of Object.entries(everything)) {
        expect([where, texts.find((text) => text.includes(secret))]).toEqual([where, undefined]);
      }
      expect(rows).not.toContain(secret);
    }
  });

  it('[row 65] nothing that a client sends begins a line of its own in the log', async () => {
    const forged = 'x\r\nERROR forged\u001b[31m\n';
    const before = logged.length;
    const user = await signedIn(node, { userId: `liar${forged}`, deviceName: forged });
    await user.patch(`/sessions/${user.sessionId}`, { deviceName: forged });
    expectRefused(await user.get(`/sessions/${encodeURIComponent(forged)}`));
    expectRefused(await user.get(`/admin/sessions/${encodeURIComponent(forged)}`));
    expectRefused(await user.get(`/nowhere?q=${encodeURIComponent(forged)}`));
    await presenting(node, `ids_${encodeURIComponent(forged)}`).me();
    const admin = await signedIn(node, { userId: 'admin' });
    await admin.del(`/admin/sessions/${user.sessionId}?reason=${encodeURIComponent(forged.trim())}`);
    forget(node);
    await node.db.dataSource.query('ALTER TABLE identity_session RENAME TO gone');
    await user.me();
    await admin.get(`/admin/sessions?userId=${encodeURIComponent(`liar${forged}`)}`);
    await node.db.dataSource.query('ALTER TABLE gone RENAME TO identity_session');
    expect(logged.length).toBeGreaterThanOrEqual(before);
    expect(logged.filter((line) => /[\r\n].*forged/.test(line) || line.includes('\u001b'))).toEqual([]);
  });
});
