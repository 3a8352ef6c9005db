// The node that serves and cleans up, in a process of its own.
import 'reflect-metadata';
import { Body, Controller, Get, HttpCode, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  AllowAnonymous,
  IdentitySessionModule,
  SessionAdminService,
  SessionCleanup,
  SessionService,
} from 'nestjs-identity-session';
import { answerWith } from '../guard/child.mjs';

class BenchController {
  constructor(sessions) {
    this.sessions = sessions;
  }

  me() {
    return { ok: true };
  }

  async signIn({ userId }) {
    const { session } = await this.sessions.signIn({ userId });
    return { id: session.id };
  }
}
const methodOf = (name) => Object.getOwnPropertyDescriptor(BenchController.prototype, name);
const decorate = (name, ...decorators) => {
  for (const decorator of decorators) decorator(BenchController.prototype, name, methodOf(name));
};
decorate('me', Get('me'));
decorate('signIn', Post('sign-in'), HttpCode(200), AllowAnonymous());
Body()(BenchController.prototype, 'signIn', 0);
Inject(SessionService)(BenchController, undefined, 0);
Controller()(BenchController);

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
