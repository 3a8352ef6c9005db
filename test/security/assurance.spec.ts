import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { presenting, signedIn } from './support/client.js';
import { ElevateController, FRESH_MS, RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { setRow } from './support/rows.js';
import { followsLog, forget, letTimePass } from './support/time.js';

describe.each(ADAPTERS)('on %s', (adapter) => {
  const queries: string[] = [];
  let node: TestApp;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      controllers: [RuleController, ElevateController],
      onQuery: (query) => queries.push(query),
    });
    await followsLog(node);
  });
  afterAll(() => node.close());

  describe('[row 10] a session that still waits for its second factor', () => {
    it('passes no guard, neither from the database nor from the cache', async () => {
      const user = await signedIn(node, { userId: 'halfway' });
      await setRow(node, user.sessionId, `status = 'pending', version = version + 1`);
      forget(node);
      expectProblem(await user.me(), 'SESSION_PENDING', ['requirements']);
      queries.length = 0;
      for (const path of ['/me', '/sessions', '/sessions/current', '/admin/sessions', '/second-factor', '/fresh']) {
        expectProblem(await user.get(path), 'SESSION_PENDING', ['requirements']);
      }
      expect(queries).toEqual([]);
      expectProblem(await user.get('/strict'), 'SESSION_PENDING', ['requirements']);
      expect((await user.get('/optional')).body).toEqual({ sessionId: null });
    });

    it('changes nothing and is not touched by being presented', async () => {
      const user = await signedIn(node, { userId: 'halfway-too' });
      const other = await signedIn(node, { userId: 'halfway-too' });
      await setRow(node, user.sessionId, `status = 'pending', version = version + 1`);
      forget(node);
      expectProblem(await user.del('/sessions'), 'SESSION_PENDING', ['requirements']);
      expectProblem(await user.del(`/sessions/${other.sessionId}`), 'SESSION_PENDING', ['requirements']);
      expectProblem(await user.post('/elevate', { assurance: 'aal3' }), 'SESSION_PENDING', ['requirements']);
      expectProblem(await user.del('/sign-out'), 'SESSION_PENDING', ['requirements']);
      expect(await other.alive()).toBe(200);
    });

    it('passes once it is active', async () => {
      const user = await signedIn(node, { userId: 'complete' });
      await setRow(node, user.sessionId, `status = 'pending', version = version + 1`);
      expectProblem(await user.get('/strict'), 'SESSION_PENDING', ['requirements']);
      await setRow(node, user.sessionId, `status = 'active', version = version + 1`);
      expect((await user.get('/strict')).status).toBe(200);
    });
  });

  describe('[row 11] a route', () => {
    it('asks for its assurance level, and the level reached counts from then on with a new token', async () => {
      const user = await signedIn(node, { userId: 'one-factor' });
      expectProblem(await user.get('/second-factor'), 'ASSURANCE_TOO_LOW');
      expect(await user.alive()).toBe(200);
      const before = user.token;
      expect((await user.post('/elevate', { assurance: 'aal2' })).status).toBe(201);
      expect((await user.get('/second-factor')).body).toMatchObject({ assurance: 'aal2' });
      expect(user.token).not.toBe(before);
      // What is on its way has the rights of before, and no longer than the grace.
      expectProblem(await presenting(node, before).get('/second-factor'), 'ASSURANCE_TOO_LOW');
      await letTimePass(node, 30_000);
      expectProblem(await presenting(node, before).me(), 'SESSION_INVALID');
    });

    it('takes a higher level than it asks for', async () => {
      const user = await signedIn(node, { userId: 'strong', assurance: 'aal3' });
      expect((await user.get('/second-factor')).status).toBe(200);
    });

    it('asks for a recent sign-in; activity does not make one, authenticating again does', async () => {
      const user = await signedIn(node, { userId: 'stale' });
      await letTimePass(node, FRESH_MS - 60_000);
      expect((await user.get('/fresh')).status).toBe(200);
      await letTimePass(node, 61_000);
      expect(await user.alive()).toBe(200);
      expectProblem(await user.get('/fresh'), 'SESSION_NOT_FRESH');
      await user.post('/elevate', { assurance: 'aal1' });
      expect((await user.get('/fresh')).status).toBe(200);
    });
  });
});
