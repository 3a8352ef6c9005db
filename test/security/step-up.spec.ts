import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ErasureAccessPolicy, Session, SessionAccessPolicy, SessionScope } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, signedIn } from './support/client.js';
import { ElevateController, RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { letTimePass } from './support/time.js';

const MINUTE = 60_000;

/** `admin` administrates everybody, and everybody their own. */
class OwnersToo implements SessionAccessPolicy, ErasureAccessPolicy {
  scopeFor({ userId, tenantId }: Session): SessionScope {
    return userId === 'admin' ? { kind: 'all' } : { kind: 'user', userId, tenantId };
  }

  erasureScopeFor(actor: Session): SessionScope {
    return this.scopeFor(actor);
  }
}

describe.each(ADAPTERS)('on %s', (adapter) => {
  const warnings: string[] = [];
  let node: TestApp;

  beforeAll(async () => {
    const ignore = () => undefined;
    node = await startTestApp({
      adapter,
      controllers: [RuleController, ElevateController],
      extras: { accessPolicy: OwnersToo },
      options: { endOthersMaxAgeMs: 15 * MINUTE, assuranceLevel: 'aal2', lifetimes: { idleTimeoutMs: 120 * MINUTE } },
      logger: { log: ignore, error: ignore, warn: (message: unknown) => warnings.push(String(message)) },
    });
  });

  afterAll(() => node.close());

  it('[row 15] limits that are looser than the level of assurance are told at start', () => {
    expect(warnings.filter((line) => line.includes('aal2'))).toEqual([
      'lifetimes.idleTimeoutMs is 7200000; aal2 allows 3600000 (NIST SP 800-63B-4)',
      'lifetimes.rememberMe.idleTimeoutMs is 7200000; aal2 allows 3600000 (NIST SP 800-63B-4)',
    ]);
  });

  describe('[row 45] ending other sessions of one’s own', () => {
    const twoDevices = async (userId: string): Promise<[Client, Client]> => [
      await signedIn(node, { userId }),
      await signedIn(node, { userId }),
    ];

    it('works right after the sign-in', async () => {
      const [one, other] = await twoDevices('fresh');
      expect(await one.del(`/sessions/${other.sessionId}`)).toMatchObject({ status: 204 });
      expect(await one.del('/sessions')).toMatchObject({ status: 200, body: { revoked: 0 } });
    });

    it('asks for a fresh factor later, ends nothing before, and works with one', async () => {
      const [one, other] = await twoDevices('stale');
      await letTimePass(node, 16 * MINUTE);
      expectProblem(await one.del(`/sessions/${other.sessionId}`), 'SESSION_NOT_FRESH');
      expectProblem(await one.del('/sessions'), 'SESSION_NOT_FRESH');
      expectProblem(await one.del('/sessions?includeCurrent=true'), 'SESSION_NOT_FRESH');
      // Not even whether it exists.
      expectProblem(await one.del('/sessions/00000000-0000-7000-8000-000000000000'), 'SESSION_NOT_FRESH');
      expect([await one.alive(), await other.alive()]).toEqual([200, 200]);
      expect((await one.post('/elevate', { assurance: 'aal1' })).status).toBe(201);
      expect(await one.del('/sessions')).toMatchObject({ status: 200, body: { revoked: 1 } });
      expectProblem(await other.me(), 'SESSION_REVOKED');
    });

    it('is asked on the administrators’ way too, of whom the policy lets end their own; not of administrators', async () => {
      const [one, other] = await twoDevices('owner');
      const admin = await signedIn(node, { userId: 'admin' });
      expect(await one.del(`/admin/sessions/${other.sessionId}`)).toMatchObject({ status: 204 });
      const third = await signedIn(node, { userId: 'owner' });
      await letTimePass(node, 16 * MINUTE);
      expect((await one.get('/admin/sessions')).status).toBe(200);
      expectProblem(await one.del(`/admin/sessions/${third.sessionId}`), 'SESSION_NOT_FRESH');
      expectProblem(await one.del('/admin/users/owner/sessions'), 'SESSION_NOT_FRESH');
      expectProblem(await one.post('/admin/cut-offs', { reason: 'test' }), 'SESSION_NOT_FRESH');
      expectProblem(await one.del('/admin/users/owner/data'), 'SESSION_NOT_FRESH');
      expect(await third.alive()).toBe(200);
      expect(await admin.del(`/admin/sessions/${third.sessionId}`)).toMatchObject({ status: 204 });
    });

    it('is not asked of who leaves', async () => {
      const [one, other] = await twoDevices('leaving');
      await letTimePass(node, 16 * MINUTE);
      expect(await one.del(`/sessions/${one.sessionId}`)).toMatchObject({ status: 204 });
      expect(await other.del('/sign-out')).toMatchObject({ status: 200 });
    });

    it('is not asked unless configured', async () => {
      const lax = await startTestApp({ adapter, joins: node });
      try {
        const [one] = await twoDevices('lax');
        await letTimePass(node, 16 * MINUTE);
        expect(await one.at(lax).del('/sessions')).toMatchObject({ status: 200, body: { revoked: 1 } });
      } finally {
        await lax.close();
      }
    });
  });
});
