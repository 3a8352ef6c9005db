// A node that serves and works on jobs, in a process of its own.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule, SessionHealth, SessionJobs, SessionMetrics } from 'nestjs-identity-session';
import { answerWith } from '../guard/child.mjs';
import { BenchController } from '../cleanup/served-routes.mjs';

const SAMPLE_MS = 20;

function AppModule() {
  // Nest makes one; there is nothing to it.
}

let app;
let sampling;
/** Of how long ago the last applied read of the log began, and of how old what it brought was. */
let most = { lagMs: 0, delayMs: 0 };
let leaseLost = 0;

answerWith({
  async open({ databaseUrl, options }) {
    Module({
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, extra: { max: 8 } }),
        IdentitySessionModule.forRoot({ rest: false, globalGuard: true, ...options }),
      ],
      controllers: [BenchController],
    })(AppModule);
    app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
    app.enableShutdownHooks([]);
    await app.listen(0, '127.0.0.1');
    return app.getHttpServer().address().port;
  },

  /** From now on, until `lag`. */
  watchLag() {
    most = { lagMs: 0, delayMs: 0 };
    leaseLost = 0;
    const metrics = app.get(SessionMetrics);
    const seconds = (samples, name) => samples.find((sample) => sample.name === `identity_session_${name}`)?.value ?? 0;
    sampling = setInterval(() => {
      const samples = metrics.collect();
      most.lagMs = Math.max(most.lagMs, 1_000 * seconds(samples, 'lease_age_seconds'));
      most.delayMs = Math.max(most.delayMs, 1_000 * seconds(samples, 'tail_lag_seconds'));
      if (seconds(samples, 'lease_held') === 0) leaseLost += 1;
    }, SAMPLE_MS);
  },

  lag() {
    clearInterval(sampling);
    return { ...most, leaseLost };
  },

  async startJob({ filter }) {
    const { job } = await app.get(SessionJobs).start({ kind: 'revoke', filter, reason: 'bench', by: 'bench' });
    return job;
  },

  job({ id }) {
    return app.get(SessionJobs).find(id);
  },

  async health() {
    return (await app.get(SessionHealth).check()).status;
  },

  async close() {
    await app.close();
  },
});
