import type { INestApplication } from '@nestjs/common';
import { ApiExcludeController, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { describeOperations, describeSessions } from 'nestjs-identity-session';
import { ExampleController } from '../example/example.controller.js';
import { DocsController } from './docs.controller.js';
import { OPERATIONS } from './operations.js';

const COOKIE = 'An opaque token, set by `POST /auth/sign-in`.';
const BEARER = 'The `token` of `POST /auth/sign-in` with `transport: bearer`; a successor comes in `Session-Token`.';

/** Pages for people. Said here, so that their modules need no Swagger and only who reads the description waits for it. */
const UNDESCRIBED = [DocsController, ExampleController];

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
  for (const controller of UNDESCRIBED) ApiExcludeController()(controller);
  const document = SwaggerModule.createDocument(app, settings);
  describeSessions(document);
  describeOperations(document, OPERATIONS);
  return document;
}
