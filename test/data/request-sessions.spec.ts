import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, Get, Injectable, Param, Query, UseGuards } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  CurrentSession,
  RequestSessions,
  RequestSessionsMiddleware,
  type Session,
  SessionAdminService,
  SessionDataService,
  SessionService,
} from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';

@Injectable()
class AskingGuard implements CanActivate {
  constructor(private readonly requests: RequestSessions) {}

  async canActivate(): Promise<boolean> {
    this.requests.values.set('asked', await this.requests.get('01890000-0000-7000-8000-000000000000'));
    return true;
  }
}

@Controller('request')
class RequestController {
  constructor(
    private readonly requests: RequestSessions,
    private readonly data: SessionDataService,
    private readonly admin: SessionAdminService,
  ) {}

  @Get('same/:id')
  async same(@CurrentSession() current: Session, @Param('id') id: string) {
    const [first, second, [third], own] = await Promise.all([
      this.requests.get(id),
      this.requests.get(id),
      this.requests.many([id]),
      this.requests.get(current.id),
    ]);
    return { isSame: first === second && second === third, found: first?.id, isOwn: own === current };
  }

  @Get('many')
  async many(@Query('ids') ids: string) {
    return (await this.requests.many(ids.split(','))).map((session) => session?.id ?? null);
  }

  @Get('written')
  async written(@CurrentSession() current: Session) {
    await this.data.merge(current, { n: 1 });
    const after = await this.requests.get(current.id);
    const again = await this.requests.get(current.id);
    return { n: after?.data['n'], isSame: after === again };
  }

  @Get('cut-off/:id')
  async cutOff(@Param('id') id: string) {
    const before = await this.requests.get(id);
    await this.admin.cutOff({ userId: before!.userId, tenantId: null, reason: 'test' });
    return { before: before!.status, after: (await this.requests.get(id))?.status };
  }

  @Get('values')
  values(@Query('set') set: string | undefined) {
    const before = this.requests.values.get('set') ?? null;
    this.requests.values.set('set', set);
    return { before, after: this.requests.values.get('set') };
  }

  @UseGuards(AskingGuard)
  @Get('guarded')
  guarded() {
    return { asked: this.requests.values.has('asked') };
  }
}

const silent = { log: () => undefined, error: () => undefined, warn: () => undefined };

describe.each(['express', 'fastify'] as const)('the sessions of a request on %s', (adapter) => {
  let app: TestApp;
  let plain: TestApp;
  let queries: string[] = [];
  const loads = () => queries.filter((sql) => sql.includes('identity_session s') && sql.includes('ANY'));

  beforeAll(async () => {
    const controllers = [RequestController];
    app = await startTestApp({
      adapter,
      controllers,
      providers: [AskingGuard, RequestSessionsMiddleware],
      extras: { perRequest: true },
      onQuery: (sql) => queries.push(sql),
      configure: (made) => {
        // As a middleware of the application, for its guards.
        const middleware = made.get(RequestSessionsMiddleware);
        if (made.get(HttpAdapterHost).httpAdapter.getType() === 'express') {
          made.use((request: { url: string }, response: unknown, next: () => void) => {
            if (request.url.endsWith('/guarded')) middleware.use(request, response, next);
            else next();
          });
        }
      },
    });
    plain = await startTestApp({ adapter, controllers, providers: [AskingGuard], joins: app, logger: silent });
  });

  afterAll(async () => {
    await plain.close();
    await app.close();
  });

  let users = 0;
  const signIn = async () => {
    users += 1;
    return plain.app.get(SessionService).signIn({ userId: `user ${users}` });
  };
  async function ask(path: string, token: string, node = app): Promise<unknown> {
    queries = [];
    const answer = await fetch(`${node.url}/request/${path}`, { headers: { Authorization: `Bearer ${token}` } });
    return answer.json();
  }

  it('are the same objects for the same id, and one of them is its own', async () => {
    const { token } = await signIn();
    const { session } = await signIn();
    await ask('values', token);
    expect(await ask(`same/${session.id}`, token)).toEqual({ isSame: true, found: session.id, isOwn: true });
    expect(loads()).toHaveLength(1);
    // From now on the node knows it.
    expect(await ask(`same/${session.id}`, token)).toMatchObject({ isSame: true });
    expect(loads()).toHaveLength(0);
  });

  it('are found by one query for those that nobody here knows, in the order that was asked for', async () => {
    const { session: own, token } = await signIn();
    const others = [await signIn(), await signIn(), await signIn()].map(({ session }) => session.id);
    const unknown = '01890000-0000-7000-8000-00000000abcd';
    await ask('values', token);
    const ids = [others[2]!, unknown, own.id, others[0]!, 'no id', others[1]!, others[2]!];
    expect(await ask(`many?ids=${ids.join(',')}`, token)).toEqual(
      ids.map((id) => (id === unknown || id === 'no id' ? null : id)),
    );
    expect(loads()).toHaveLength(1);
    const tooMany = Array.from({ length: 501 }, () => 'x').join(',');
    expect(await ask(`many?ids=${tooMany}`, token)).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('are as the request itself has changed them', async () => {
    const { token } = await signIn();
    expect(await ask('written', token)).toEqual({ n: 1, isSame: true });
    const { session } = await signIn();
    expect(await ask(`cut-off/${session.id}`, token)).toEqual({ before: 'active', after: 'revoked' });
  });

  it('come with values that are no other request’s', async () => {
    const { token } = await signIn();
    const answers = await Promise.all(['a', 'b', 'c'].map((set) => ask(`values?set=${set}`, token)));
    expect(answers).toEqual(['a', 'b', 'c'].map((after) => ({ before: null, after })));
  });

  it('are not there without the option, and the error says what to do', async () => {
    const { token } = await signIn();
    const answer = (await ask('values', token, plain)) as { code: string };
    expect(answer.code).toBe('CONFIGURATION_INVALID');
    const requests = plain.app.get(RequestSessions);
    for (const work of [requests.get('x'), requests.many([])]) await expect(work).rejects.toThrow('perRequest: true');
    const { session } = await signIn();
    const found = await requests.run(async () => [await requests.get(session.id), await requests.get(session.id)]);
    expect(found[0]?.id).toBe(session.id);
    expect(found[0]).toBe(found[1]);
  });

  if (adapter === 'express') {
    it('are there for guards behind the middleware, and the handler has the same', async () => {
      const { token } = await signIn();
      expect(await ask('guarded', token)).toEqual({ asked: true });
    });
  }
});
