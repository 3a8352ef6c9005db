// node --test dist
import { Test } from '@nestjs/testing';
import { APP_GUARD } from '@nestjs/core';
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { INestApplication } from '@nestjs/common';
import { IdentitySessionModule, SessionGuard } from 'nestjs-identity-session';
import { overrideSession } from 'nestjs-identity-session/testing';
import { DocumentsController } from './documents.controller.js';
import { RolesGuard } from './roles.guard.js';

// #region test
let app: INestApplication;
let userId = 'ada';

before(async () => {
  const builder = Test.createTestingModule({
    imports: [IdentitySessionModule.forRoot({})], // or your AppModule, with its own database overridden
    controllers: [DocumentsController],
    providers: [
      { provide: APP_GUARD, useExisting: SessionGuard },
      { provide: APP_GUARD, useClass: RolesGuard },
    ],
  });
  const module = await overrideSession(builder, () => ({ userId })).compile();
  app = module.createNestApplication();
  await app.listen(0, '127.0.0.1');
});
after(() => app.close());

it('lets editors publish, and nobody else', async () => {
  const publish = async () => (await fetch(`${await app.getUrl()}/documents`, { method: 'POST' })).status;
  assert.equal(await publish(), 403);
  userId = 'root';
  assert.equal(await publish(), 201);
});
// #endregion
