import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DynamicModule, INestApplication, LoggerService, Type } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SessionIoAdapter } from 'nestjs-identity-session/sockets';
import type { ServerConfig } from '../config/server-config.js';
import { BODY_LIMIT } from './body-limit.js';
import { securityHeaders } from './security-headers.js';

/** What a page of an allowed origin may read of an answer. */
const EXPOSED_HEADERS = ['Session-Token', 'Retry-After', 'RateLimit', 'RateLimit-Policy'];

/** A Nest application that behaves the same on Express and on Fastify; not yet listening. */
export async function createApplication(
  module: Type | DynamicModule,
  config: ServerConfig,
  logger: LoggerService,
): Promise<INestApplication> {
  const adapter = await httpAdapter(config.http.adapter);
  const options = { logger, abortOnError: false, bodyParser: false, forceCloseConnections: true };
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares options as a class
  const app = await NestFactory.create(module, adapter, options);
  app.useSecurityHeaders(securityHeaders(config.session.cookieSecure));
  if (config.session.allowedOrigins.length > 0) {
    app.enableCors({
      origin: [...config.session.allowedOrigins],
      credentials: true,
      exposedHeaders: EXPOSED_HEADERS,
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      // Fastify's plugin answers an OPTIONS that is no preflight with a text otherwise; Express knows no such option.
      strictPreflight: false,
    });
  }
  app.use(keepOutOfCaches);
  if (config.http.adapter === 'express') {
    (app as NestExpressApplication).disable('etag');
    (app as NestExpressApplication).useBodyParser('json', { limit: BODY_LIMIT, inflate: false });
  }
  app.useWebSocketAdapter(new SessionIoAdapter(app));
  return app;
}

/** Loads only the framework that serves. */
async function httpAdapter(kind: ServerConfig['http']['adapter']): Promise<AbstractHttpAdapter> {
  if (kind === 'fastify') return (await import('./fastify-http-adapter.js')).fastifyHttpAdapter();
  return new (await import('@nestjs/platform-express')).ExpressAdapter();
}

/** Nearly every answer depends on a session; what does not, says so itself. @see OWASP ASVS 5.0 14.3.2 */
function keepOutOfCaches(_request: IncomingMessage, response: ServerResponse, next: () => void): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}
