import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { OPERATIONS } from './operations.js';

/** Describes the routes of an application that is ready. */
export function describeApi(app: INestApplication, secureCookie: boolean): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setTitle('Identity session server')
    .setDescription('Accounts, sign-in and sessions. Errors are application/problem+json (RFC 9457).')
    .setVersion('1')
    .addCookieAuth(secureCookie ? '__Host-session' : 'session', undefined, 'cookie')
    .addBearerAuth({ type: 'http', scheme: 'bearer' }, 'bearer')
    .addSecurityRequirements('cookie')
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(app, settings);
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, extra] of Object.entries(OPERATIONS[path] ?? {})) {
      const operation = (methods as Record<string, object | undefined>)[method];
      if (operation !== undefined) Object.assign(operation, extra);
    }
  }
  return document;
}
