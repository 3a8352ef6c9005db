import { NestFactory } from '@nestjs/core';
import { SessionIoAdapter } from 'nestjs-identity-session/sockets';
import { AppModule } from './app.module.js';

async function start(): Promise<void> {
  const app = await NestFactory.create(AppModule);
  app.useWebSocketAdapter(new SessionIoAdapter(app));
  app.enableShutdownHooks(); // SIGTERM writes the last accesses that are still in memory
  await app.listen(process.env.PORT ?? 3000);
  console.log(`Listening on ${await app.getUrl()}`);
}

void start();
