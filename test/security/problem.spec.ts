import { randomBytes, randomUUID } from 'node:crypto';
import { Controller, Get } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AllowAnonymous, type ErrorCode, policyPreset, ProblemDetailsFilter } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, Client, presenting, signedIn } from './support/client.js';
import { RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { setRow } from './support/rows.js';

@Controller()
class FailingController {
  @AllowAnonymous()
  @Get('crash')
  crash() {
    throw new Error('the password of the database is hunter2');
  }
}

const SILENT = { log: () => undefined, error: () => undefined, warn: () => undefined };

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      logger: SILENT,
      controllers: [RuleController, FailingController],
      providers: [{ provide: APP_FILTER, useClass: ProblemDetailsFilter }],
      options: { policy: ({ userId }) => (userId === 'full' ? policyPreset('RejectNew', 1) : []) },
    });
    admin = await signedIn(node, { userId: 'admin' });
  });
  afterAll(() => node.close());

  const ended = async (how: string): Promise<Client> => {
    const user = presenting(node, (await signedIn(node, { userId: 'user' })).token);
    user.sessionId = user.token.slice(4, 40);
    if (how === 'revoked') await admin.del(`/admin/sessions/${user.sessionId}`);
    else if (how === 'signed out') await user.del('/sign-out');
    else if (how === 'past its limit') await setRow(node, user.sessionId, 'expires_at = created_at');
    else await setRow(node, user.sessionId, `status = '${how}', version = version + 1`);
    return user;
  };

  it.each<[ErrorCode, string[], () => Promise<Answer>]>([
    ['VALIDATION_FAILED', ['errors'], () => admin.get('/sessions?x=1')],
    ['SESSION_MISSING', [], () => new Client(node.url).me()],
    ['SESSION_INVALID', [], () => presenting(node, 'nonsense').me()],
    ['SESSION_EXPIRED', [], async () => (await ended('past its limit')).get('/strict')],
    ['SESSION_REVOKED', [], async () => (await ended('revoked')).me()],
    ['SESSION_EVICTED', [], async () => (await ended('evicted')).get('/strict')],
    ['SESSION_SIGNED_OUT', [], async () => (await ended('signed out')).me()],
    ['SESSION_SUSPENDED', [], async () => (await ended('suspended')).get('/strict')],
    ['ASSURANCE_TOO_LOW', [], () => admin.get('/second-factor')],
    ['FORBIDDEN', [], async () => (await signedIn(node, { userId: 'user' })).get('/admin/sessions')],
    ['SESSION_NOT_FOUND', [], () => admin.del(`/sessions/${randomUUID()}`)],
    ['METHOD_NOT_ALLOWED', [], () => admin.post('/sessions')],
    [
      'SESSION_LIMIT_REACHED',
      [],
      async () => {
        await signedIn(node, { userId: 'full' });
        return new Client(node.url).signIn({ userId: 'full' });
      },
    ],
  ])('[row 64] %s is a problem whose status is that of the answer', async (code, moreKeys, request) => {
    expectProblem(await request(), code, moreKeys);
  });

  it('[row 64] errors of the framework are problems too, without its words', async () => {
    const user = await signedIn(node, { userId: 'user' });
    const headers = { 'content-type': 'application/json' };
    const path = `/sessions/${user.sessionId}`;
    const cases: [number, string, Answer][] = [
      [404, 'NOT_FOUND', await user.get('/nowhere')],
      [400, 'VALIDATION_FAILED', await user.request('PATCH', path, { body: '{"deviceName"', headers })],
      [413, 'PAYLOAD_TOO_LARGE', await user.patch(path, { deviceName: 'x'.repeat(2_000_000) })],
      [500, 'INTERNAL_ERROR', await user.get('/crash')],
    ];
    for (const [status, code, answer] of cases) {
      expect(answer.status).toBe(status);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.body).toEqual({
        type: expect.stringMatching(/^urn:identity-session:problem:/),
        title: expect.any(String),
        status,
        detail: expect.any(String),
        code,
      });
      expect(answer.text).not.toMatch(/hunter2|Unexpected|JSON|Cannot|stack/);
    }
  });

  it('[row 64] unknown, live, expired, revoked and signed out look the same to whoever lacks the secret', async () => {
    const states = ['revoked', 'signed out', 'past its limit', 'evicted', 'pending', 'suspended', 'active'];
    const clients = [presenting(node, `ids_${randomUUID()}.0.${'A'.repeat(43)}`)];
    for (const state of states) {
      const user = await ended(state);
      user.bearer = `ids_${user.sessionId}.0.${randomBytes(32).toString('base64url')}`;
      clients.push(user);
    }
    const seen = new Set<string>();
    for (const client of clients) {
      for (const path of ['/me', '/strict']) {
        const answer = await client.get(path);
        expectProblem(answer, 'SESSION_INVALID');
        seen.add(JSON.stringify([answer.text, { ...answer.headers, date: '' }]));
      }
      seen.add(JSON.stringify((await client.get('/optional')).text));
    }
    // One for the guarded routes, one for the optional.
    expect(seen.size).toBe(2);
  });

  it('[row 64] the reason of an end is told to whoever presents the secret, and to nobody by id alone', async () => {
    const user = await ended('revoked');
    expectProblem(await user.me(), 'SESSION_REVOKED');
    const stranger = await signedIn(node, { userId: 'stranger' });
    expectProblem(await stranger.del(`/sessions/${user.sessionId}`), 'SESSION_NOT_FOUND');
  });
});
