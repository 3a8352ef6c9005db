import { Controller, Get, type INestApplication, Module, UseGuards } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AllowAnonymous,
  CurrentSession,
  CurrentUserId,
  IdentitySessionModule,
  RequireAssurance,
  RequireFreshSession,
  type Session,
  SessionAdminService,
  SessionGuard,
} from 'nestjs-identity-session';
import request from 'supertest';
import { overrideSession, type OverridingUser } from './override-session.js';

class Orders {
  @Get('mine')
  mine(@CurrentUserId() userId: string, @CurrentSession() { tenantId, deviceType, data }: Session) {
    return { userId, tenantId, deviceType, data };
  }

  @AllowAnonymous()
  @Get('open')
  open(@CurrentSession() session: Session | null) {
    return { signedIn: session !== null };
  }

  @RequireAssurance('aal2')
  @Get('second-factor')
  secondFactor() {
    return {};
  }

  @RequireFreshSession({ maxAgeMs: 60_000 })
  @Get('fresh')
  fresh() {
    return {};
  }
}

@Controller()
class GloballyGuarded extends Orders {}

@Controller()
@UseGuards(SessionGuard)
class Guarded extends Orders {}

/** As an application has it: with a database that is not there, and Redis. */
const options = { redis: { url: 'redis://127.0.0.1:1' }, directUrl: 'postgres://127.0.0.1:1/none' };

@Module({
  imports: [IdentitySessionModule.forRootAsync({ useFactory: () => options, globalGuard: true })],
  controllers: [GloballyGuarded],
})
class WithGlobalGuard {}

@Module({ imports: [IdentitySessionModule.forRoot({ ...options, rest: false })], controllers: [Guarded] })
class WithGuardPerController {}

describe.each([
  ['a global guard', WithGlobalGuard],
  ['a guard per controller', WithGuardPerController],
])('overrideSession with %s', (_, module) => {
  let app: INestApplication;
  afterEach(() => app.close());

  const start = async (user: OverridingUser | null | (() => OverridingUser | null)) => {
    const builder: TestingModuleBuilder = Test.createTestingModule({ imports: [module] });
    app = (await overrideSession(builder, user).compile()).createNestApplication();
    await app.init();
    return (path: string) => request(app.getHttpServer() as never).get(path);
  };

  it('has every guarded route see the user, without database or sign-in', async () => {
    const get = await start({ userId: 'alice', tenantId: 'acme', deviceType: 'mobile', data: { theme: 'dark' } });
    const expected = { userId: 'alice', tenantId: 'acme', deviceType: 'mobile', data: { theme: 'dark' } };
    for (let n = 0; n < 2; n += 1) expect((await get('/mine')).body).toEqual(expected);
    expect((await get('/open')).body).toEqual({ signedIn: false });
  });

  it('leaves the rules of the routes as they are', async () => {
    let user: OverridingUser = { userId: 'alice' };
    const get = await start(() => user);
    expect([(await get('/second-factor')).status, (await get('/fresh')).status]).toEqual([403, 200]);
    user = { userId: 'alice', assurance: 'aal2', authenticatedAt: new Date(Date.now() - 3_600_000) };
    expect([(await get('/second-factor')).status, (await get('/fresh')).status]).toEqual([200, 403]);
  });

  it('asks at every request who it is from', async () => {
    let user: OverridingUser | null = { userId: 'alice' };
    const get = await start(() => user);
    expect((await get('/mine')).body).toMatchObject({ userId: 'alice' });
    user = { userId: 'bob' };
    expect((await get('/mine')).body).toMatchObject({ userId: 'bob' });
    user = null;
    const refused = await get('/mine');
    expect([refused.status, JSON.parse(refused.text)]).toEqual([
      401,
      expect.objectContaining({ code: 'SESSION_MISSING' }),
    ]);
  });

  it('refuses the session once the test has revoked it', async () => {
    const get = await start({ userId: 'alice' });
    expect((await get('/mine')).status).toBe(200);
    const revoked = { reason: 'test', by: null, scope: { kind: 'all' }, filter: { userId: 'alice' } } as const;
    expect(await app.get(SessionAdminService).revokeAll(revoked)).toMatchObject({ revoked: 1 });
    expect((await get('/mine')).body).toMatchObject({ code: 'SESSION_REVOKED' });
  });
});
