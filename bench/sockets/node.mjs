// The process that is measured: socket.io alone, Nest's adapter for it, or one with sessions; the latter with the routes
// that others are served by meanwhile.
import 'reflect-metadata';
import { createServer } from 'node:http';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AllowAnonymous, IdentitySessionModule, SessionChecker, SessionService } from 'nestjs-identity-session';
import { SessionIoAdapter, SessionSockets, sessionSockets } from 'nestjs-identity-session/sockets';
import { Server } from 'socket.io';
import { answerWith } from '../guard/child.mjs';

/** What `sessionSockets` gives its servers. */
const SERVER_OPTIONS = {
  maxHttpBufferSize: 65_536,
  connectTimeout: 10_000,
  upgradeTimeout: 10_000,
  pingInterval: 30_000,
  pingTimeout: 60_000,
};
const CHECKED_AT_ONCE = 500;
/** Connections that wait to be accepted. With Node's 511 the kernel resets some of those that come past it. */
const BACKLOG = 4_096;

class BenchController {
  me() {
    return { ok: true };
  }

  health() {
    return { status: 'ok' };
  }
}
const decorate = (name, ...decorators) => {
  const method = Object.getOwnPropertyDescriptor(BenchController.prototype, name);
  for (const decorator of decorators) decorator(BenchController.prototype, name, method);
};
decorate('me', Get('me'));
decorate('health', Get('health'), AllowAnonymous());
Controller()(BenchController);

class Gateway {
  echo(text) {
    return { event: 'echo', data: text };
  }
}
SubscribeMessage('echo')(Gateway.prototype, 'echo', Object.getOwnPropertyDescriptor(Gateway.prototype, 'echo'));
WebSocketGateway({ serveClient: false })(Gateway);

/** Whoever asks is an administrator of everything. */
class AccessPolicy {
  scopeFor() {
    return { kind: 'all' };
  }
}

function AppModule() {
  // Nest makes one; there is nothing to it.
}

let app;
let io;

async function openPlain() {
  const http = createServer();
  io = new Server(http, { ...SERVER_OPTIONS, serveClient: false });
  io.on('connection', () => undefined);
  await new Promise((resolve) => http.listen(0, '127.0.0.1', BACKLOG, resolve));
  return http.address().port;
}

async function openNest() {
  Module({ providers: [Gateway] })(AppModule);
  app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.useWebSocketAdapter(
    new (class extends IoAdapter {
      createIOServer(port, options) {
        io = super.createIOServer(port, { ...SERVER_OPTIONS, ...options });
        return io;
      }
    })(app),
  );
  await app.listen(0, '127.0.0.1', BACKLOG);
  return app.getHttpServer().address().port;
}

async function openSessions({ databaseUrl, options, sockets }) {
  Module({
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, extra: { max: 8 } }),
      IdentitySessionModule.forRoot({
        rest: {},
        globalGuard: true,
        accessPolicy: AccessPolicy,
        ...options,
        sockets: sessionSockets(sockets),
      }),
    ],
    controllers: [BenchController],
    providers: [Gateway],
  })(AppModule);
  app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.enableShutdownHooks([]);
  app.useWebSocketAdapter(new SessionIoAdapter(app));
  await app.listen(0, '127.0.0.1', BACKLOG);
  [io] = app.get(SessionSockets).servers;
  return app.getHttpServer().address().port;
}

/** Sessions on socket.io itself, without what Nest has for each connection. */
async function openBound(given) {
  await openSessions(given);
  const port = await openPlain();
  app.get(SessionSockets).bind(io);
  return port;
}

const VARIANTS = { plain: openPlain, bound: openBound, nest: openNest, sessions: openSessions };

answerWith({
  /** Gives the port. */
  open: ({ variant, ...given }) => VARIANTS[variant](given),

  async signIn({ userId }) {
    const { token } = await app.get(SessionService).signIn({ userId });
    return token;
  },

  /** Asks for all of them once, as requests would have. */
  async check({ tokens }) {
    const checker = app.get(SessionChecker, { strict: false });
    let refused = 0;
    for (let start = 0; start < tokens.length; start += CHECKED_AT_ONCE) {
      const some = tokens.slice(start, start + CHECKED_AT_ONCE);
      const verdicts = await Promise.all(some.map((token) => checker.verify(token, {}, '127.0.0.1')));
      refused += verdicts.filter(({ error }) => error !== undefined).length;
    }
    if (refused > 0) throw new Error(`${refused} sessions were refused.`);
  },

  /** What is in use, in bytes; what can be freed is freed. */
  async memory() {
    for (let round = 0; round < 4; round += 1) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: heapUsed + external, rss, connections: io.engine.clientsCount };
  },
});
