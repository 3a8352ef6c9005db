// One node of the measured cluster, in a process of its own.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule, SessionChecker, SessionHealth } from 'nestjs-identity-session';
import pg from 'pg';
import { parseToken } from '../../libs/session/dist/esm/core/token.js';
import { KnownSessions } from '../../libs/session/dist/esm/sync/known-sessions.js';
import { TouchBuffer } from '../../libs/session/dist/esm/sync/touch-buffer.js';
import { answerWith } from '../guard/child.mjs';

/** Checks without letting anybody else run. */
const TURN = 500;
const LOADS_AT_ONCE = 2_000;
const NOTHING_YET = { touchStatements: 0, touchedRows: 0, loadStatements: 0, loadedSessions: 0 };

// By what only they have in their text; a load that this misses would show as a session that nobody has loaded.
const counted = { ...NOTHING_YET };
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (...args) {
  const text = typeof args[0] === 'string' ? args[0] : (args[0]?.text ?? '');
  const values = Array.isArray(args[1]) ? args[1] : args[0]?.values;
  if (text.includes('SKIP LOCKED') && text.includes('last_accessed_at = GREATEST')) {
    counted.touchStatements += 1;
    counted.touchedRows += values[0].length;
  } else if (text.includes('IS NOT NULL AS found')) {
    counted.loadStatements += 1;
    counted.loadedSessions += values[0].length;
  }
  return query.apply(this, args);
};

class MeController {
  me() {
    return { ok: true };
  }
}
Get('me')(MeController.prototype, 'me', Object.getOwnPropertyDescriptor(MeController.prototype, 'me'));
Controller()(MeController);

function AppModule() {
  // Nest makes one; there is nothing to it.
}

let app;
const get = (type) => app.get(type, { strict: false });
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

async function shuffledChecks(tokens, count, eachTurn = nextTurn) {
  const checker = get(SessionChecker);
  let refused = 0;
  for (let done = 0; done < count; done += TURN) {
    const waiting = [];
    for (let n = done; n < Math.min(count, done + TURN); n += 1) {
      const verdict = checker.verify(tokens[n % tokens.length], {}, '203.0.113.7');
      if (verdict instanceof Promise) waiting.push(verdict);
      else if (verdict.error !== undefined) refused += 1;
    }
    for (const { error } of await Promise.all(waiting)) if (error !== undefined) refused += 1;
    await eachTurn();
  }
  return refused;
}

function heap() {
  for (let round = 0; round < 3; round += 1) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

answerWith({
  async open({ databaseUrl, options = {}, port }) {
    Module({
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, extra: { max: 8 } }),
        IdentitySessionModule.forRoot({ rest: false, globalGuard: true, ...options }),
      ],
      controllers: [MeController],
    })(AppModule);
    app = await NestFactory.create(AppModule, { logger: ['error'] });
    app.enableShutdownHooks([]);
    await app.listen(port ?? 0, '127.0.0.1');
    return app.getHttpServer().address().port;
  },

  /** So many checks over all sessions in turn. */
  async check({ tokens, count }) {
    const [cpuBefore, begunAt] = [process.cpuUsage(), performance.now()];
    const refused = await shuffledChecks(tokens, count);
    const { user, system } = process.cpuUsage(cpuBefore);
    return { refused, durationMs: performance.now() - begunAt, cpuUs: user + system };
  },

  /** The newest access that the node knows of, by session. */
  newest: ({ tokens }) => tokens.map((token) => get(KnownSessions).trusted(parseToken(token).id)?.lastAccessedAt ?? 0),

  /** Until nothing is left, since what another node has locked is skipped. */
  async flush() {
    const touches = get(TouchBuffer);
    while (touches.size > 0) await touches.flushAll();
  },

  counts: () => ({ ...counted, buffered: get(TouchBuffer).size }),

  /** Until the log is followed; gives the wait. */
  async follow() {
    const begunAt = performance.now();
    while ((await get(SessionHealth).check()).status !== 'ok') await new Promise((resolve) => setTimeout(resolve, 10));
    return performance.now() - begunAt;
  },

  isFollowing: async () => (await get(SessionHealth).check()).status === 'ok',

  /** Bytes of each session: known, and then also in use and with its access still to be written. */
  async memory({ tokens }) {
    const known = get(KnownSessions);
    // What is made once, such as code, is no session's.
    for (const token of tokens.slice(0, 100)) await known.load(parseToken(token).id);
    await shuffledChecks(tokens, 100);
    known.restart();
    await get(TouchBuffer).flushAll();
    const before = heap();
    for (let start = 0; start < tokens.length; start += LOADS_AT_ONCE) {
      await Promise.all(tokens.slice(start, start + LOADS_AT_ONCE).map((token) => known.load(parseToken(token).id)));
    }
    await nextTurn();
    const loaded = heap();
    const refused = await shuffledChecks(tokens, tokens.length);
    const used = heap();
    return { known: (loaded - before) / tokens.length, used: (used - before) / tokens.length, refused };
  },

  close: () => app.close(),
});
