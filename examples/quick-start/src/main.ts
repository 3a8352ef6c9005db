import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

// #region main
async function start(): Promise<void> {
  const app = await NestFactory.create(AppModule);
  app.enableShutdownHooks(); // SIGTERM writes the last accesses that are still in memory
  await app.listen(process.env.PORT ?? 3000);
  console.log(`Listening on ${await app.getUrl()}`);
}

void start();
// #endregion
