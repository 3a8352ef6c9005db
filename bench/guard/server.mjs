// The process that is measured: one application with a route for each guard.
import 'reflect-metadata';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule, SessionGuard, SessionService } from 'nestjs-identity-session';
import pg from 'pg';
import { answerWith } from './child.mjs';
import { FloorGuard, SelectGuard, YesGuard } from './peer-guards.mjs';
import { pathOf } from './variants.mjs';

const SIGN_INS_AT_ONCE = 8;
const POOL_SIZE = 8;

// Statements of every connection, so that a check which asks the database after all is seen.
let statements = 0;
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (...args) {
  statements += 1;
  return query.apply(this, args);
};

/** `GET /<path>` and nothing else. Decorators are functions; here they are called by hand. */
function controllerAt(path, ...guards) {
  class MeController {
    me() {
      return { ok: true };
    }
  }
  Get(path)(MeController.prototype, 'me', Object.getOwnPropertyDescriptor(MeController.prototype, 'me'));
  if (guards.length > 0) UseGuards(...guards)(MeController);
  Controller()(MeController);
  return MeController;
}

/** A route between two equal ones without guard: Express finds the later ones later, half of that is on either side. */
function controllersOf(route, guard) {
  return [
    controllerAt(pathOf(route, 'before')),
    controllerAt(pathOf(route, 'guarded'), guard),
    controllerAt(pathOf(route, 'after')),
  ];
}

async function httpAdapter(name) {
  if (name === 'express') return new (await import('@nestjs/platform-express')).ExpressAdapter();
  return new (await import('@nestjs/platform-fastify')).FastifyAdapter();
}

/** Signs `count` users in and gives their tokens. */
async function signIn(service, count) {
  const tokens = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const { token } = await service.signIn({ userId: `user-${next++}` });
      tokens.push(token);
    }
  };
  await Promise.all(Array.from({ length: SIGN_INS_AT_ONCE }, worker));
  return tokens;
}

function AppModule() {
  // Nest makes one; there is nothing to it.
}

async function open({ adapter, databaseUrl, sessions, maxStalenessMs }) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: POOL_SIZE });
  const floor = new FloorGuard();
  Module({
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, extra: { max: POOL_SIZE } }),
      IdentitySessionModule.forRoot({ rest: false, ...(maxStalenessMs === undefined ? {} : { maxStalenessMs }) }),
    ],
    controllers: [
      ...controllersOf('session', SessionGuard),
      ...controllersOf('yes', new YesGuard()),
      ...controllersOf('floor', floor),
      ...controllersOf('select', new SelectGuard(pool)),
    ],
  })(AppModule);
  const app = await NestFactory.create(AppModule, await httpAdapter(adapter), { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  const tokens = await signIn(app.get(SessionService), sessions);
  for (const token of tokens) floor.admit(token);
  return { port: app.getHttpServer().address().port, tokens };
}

let begun;

answerWith({
  open,

  /** What the round before left in the nursery is not this one's. */
  begin() {
    globalThis.gc({ type: 'minor' });
    begun = { cpu: process.cpuUsage(), statements };
  },

  end() {
    const { user, system } = process.cpuUsage(begun.cpu);
    return { cpuUs: user + system, statements: statements - begun.statements };
  },
});
