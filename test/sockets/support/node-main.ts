import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { WebSocketGateway } from '@nestjs/websockets';
import { IdentitySessionModule } from '../../../libs/session/src/index.js';
import {
  SessionIoAdapter,
  sessionSockets,
  type SessionSocketsOptions,
} from '../../../libs/session/src/sockets/index.js';

/** A node with sockets as a process of its own: it may be killed. Started by `NodeProcess`. */
interface NodeSettings {
  readonly databaseUrl: string;
  readonly nodeName: string;
  readonly sockets: SessionSocketsOptions;
}

const settings = JSON.parse(process.argv[2] ?? '') as NodeSettings;

@WebSocketGateway()
class Gateway {}

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: settings.databaseUrl, extra: { max: 4 } }),
    IdentitySessionModule.forRoot({ nodeName: settings.nodeName, sockets: sessionSockets(settings.sockets) }),
  ],
  providers: [Gateway],
})
class NodeModule {}

const app = await NestFactory.create(NodeModule);
app.enableShutdownHooks();
app.useWebSocketAdapter(new SessionIoAdapter(app));
await app.listen(0, '127.0.0.1');
process.stdout.write(`Listening on ${await app.getUrl()}\n`);
