// The node that serves and cleans up, in a process of its own.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule, SessionAdminService, SessionCleanup } from 'nestjs-identity-session';
import { answerWith } from '../guard/child.mjs';
import { BenchController } from './served-routes.mjs';

function AppModule() {
  // Nest makes one; there is nothing to it.
}

let app;
/** The run under way, or the last one. */
let run;

answerWith({
  async open({ databaseUrl, options }) {
    Module({
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, extra: { max: 8 } }),
        IdentitySessionModule.forRoot({ rest: false, globalGuard: true, ...options }),
      ],
      controllers: [BenchController],
    })(AppModule);
    app = await NestFactory.create(AppModule, { logger: ['error'] });
    app.enableShutdownHooks([]);
    await app.listen(0, '127.0.0.1');
    return app.getHttpServer().address().port;
  },

  /** Begins it; on a busy machine it takes longer than an answer may. */
  beginCleanUp() {
    const begunAt = performance.now();
    run = {};
    void app
      .get(SessionCleanup)
      .run()
      .then(
        (done) => (run = { done: { ...done, durationMs: performance.now() - begunAt } }),
        (error) => (run = { error: error.stack }),
      );
  },

  /** What came of it, once something has. */
  cleanedUp() {
    if (run.error !== undefined) throw new Error(run.error);
    return run.done;
  },

  /** How long it takes to be told the statistics: `count` times, `everyMs`. */
  async stats({ count, everyMs }) {
    const admin = app.get(SessionAdminService);
    const tookMs = [];
    for (let n = 0; n < count; n += 1) {
      const begunAt = performance.now();
      await admin.stats();
      tookMs.push(performance.now() - begunAt);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    const { live } = await admin.stats();
    return { tookMs, live };
  },

  async close() {
    await app.close();
  },
});
