import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DurableSessionListener, IdentitySessionModule, type SessionEvent } from '../../../libs/session/src/index.js';

/** A node with a durable listener, as a process of its own: it may be killed. Prints what it is told. */
const databaseUrl = process.argv[2] ?? '';
/** It never gets done with this one, so that it is killed in the midst of many. */
const LAST = 30;
let heard = 0;

@Injectable()
class Audit {
  @DurableSessionListener('audit')
  async hear(event: SessionEvent): Promise<void> {
    if (event.type === 'resync') return;
    process.stdout.write(`heard ${event.sessionId ?? ''}\n`);
    heard += 1;
    if (heard === LAST) await new Promise(() => undefined);
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, extra: { max: 4 } }),
    IdentitySessionModule.forRoot({ nodeName: 'doomed', listeners: { leaseMs: 1_000 } }),
  ],
  providers: [Audit],
})
class NodeModule {}

await NestFactory.createApplicationContext(NodeModule);
process.stdout.write('ready\n');
setInterval(() => undefined, 60_000);
