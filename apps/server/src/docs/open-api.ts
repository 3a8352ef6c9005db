import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { describeOperations, describeSessions } from 'nestjs-identity-session';
import { OPERATIONS } from './operations.js';

const COOKIE = 'An opaque token, set by `POST /auth/sign-in`.';
const BEARER = 'The `token` of `POST /auth/sign-in` with `transport: bearer`; a successor comes in `Session-Token`.';

/** Describes the routes of an application that is ready. */
export function describeApi(app: INestApplication, secureCookie: boolean): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setTitle('Identity session server')
    .setDescription('Accounts, sign-in and sessions. Errors are application/problem+json (RFC 9457).')
    .setVersion('1')
    .setLicense('MIT', '')
    .addCookieAuth(secureCookie ? '__Host-session' : 'session', { type: 'apiKey', description: COOKIE }, 'cookie')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: BEARER }, 'bearer')
    .addSecurityRequirements('cookie')
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(app, settings);
  describeSessions(document);
  describeOperations(document, OPERATIONS);
  return document;
}
