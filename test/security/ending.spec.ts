import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, type Client, presenting, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { DEAF, followsLog, MovableClocks, MUTE } from './support/time.js';

const LEASE_MS = 5_000;

describe.each(ADAPTERS)('on %s', (adapter) => {
  const clocks = new MovableClocks();
  let node: TestApp;
  let other: TestApp;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp({ adapter, options: MUTE });
    other = await startTestApp({ adapter, joins: node, options: { ...DEAF, clocks, maxStalenessMs: LEASE_MS } });
    await followsLog(other);
    admin = await signedIn(node, { userId: 'admin' });
  });
  afterAll(async () => {
    await other.close();
    await node.close();
  });

  it('[row 22] after sign-out the token gets 401, at once here and within the lease on another node', async () => {
    const user = await signedIn(node, { userId: 'leaver' });
    const stolen = presenting(node, user.token);
    expect(await stolen.at(other).alive()).toBe(200);
    expect((await user.del('/sign-out')).status).toBe(200);
    expectProblem(await stolen.me(), 'SESSION_SIGNED_OUT');
    clocks.advance(LEASE_MS);
    expectProblem(await stolen.at(other).me(), 'SESSION_SIGNED_OUT');
    expectProblem(await stolen.me(), 'SESSION_SIGNED_OUT');
  });

  it('[row 22] every way of ending refuses the token from the answer on, though it was known a moment ago', async () => {
    const ways: Record<string, (user: Client) => Promise<Answer>> = {
      SESSION_SIGNED_OUT: (user) => user.del(`/sessions/${user.sessionId}`),
      SESSION_REVOKED: (user) => admin.del(`/admin/sessions/${user.sessionId}`),
      SESSION_REVOKED_OF_USER: () => admin.del('/admin/users/many-ways/sessions'),
      SESSION_REVOKED_ONE_OF_USER: (user) => admin.del(`/admin/users/many-ways/sessions/${user.sessionId}`),
      SESSION_SIGNED_OUT_WITH_ALL: (user) => user.del('/sessions?includeCurrent=true'),
      SESSION_REVOKED_BY_OWNER: async (user) => {
        const second = await signedIn(node, { userId: 'many-ways' });
        return second.del(`/sessions/${user.sessionId}`);
      },
    };
    for (const [name, end] of Object.entries(ways)) {
      const user = await signedIn(node, { userId: 'many-ways' });
      const { token } = user;
      expect(await user.alive()).toBe(200);
      expect((await end(user)).status).toBeLessThan(300);
      const code = name.startsWith('SESSION_REVOKED') ? 'SESSION_REVOKED' : 'SESSION_SIGNED_OUT';
      expectProblem(await presenting(node, token).me(), code);
    }
  });

  it('[row 22] requests that run while the session is signed out are refused from the answer on', async () => {
    const user = await signedIn(node, { userId: 'racing' });
    const stolen = presenting(node, user.token);
    let signedOut = false;
    const load = Array.from({ length: 8 }, async () => {
      const afterwards: number[] = [];
      while (afterwards.length < 20) {
        const begunAfter = signedOut;
        const { status } = await stolen.me();
        if (begunAfter) afterwards.push(status);
      }
      return afterwards;
    });
    await user.del('/sign-out');
    signedOut = true;
    expect(new Set((await Promise.all(load)).flat())).toEqual(new Set([401]));
  });

  it('[row 30] of sign-ins that race a revocation of all, whatever survives is listed and revocable', async () => {
    const signIns: Promise<Client>[] = [];
    for (let count = 0; count < 60; count++) signIns.push(signedIn(node, { userId: 'crowd', transport: 'bearer' }));
    await signIns[0];
    const revocation = await admin.del('/admin/users/crowd/sessions');
    const clients = await Promise.all(signIns);
    const alive: string[] = [];
    for (const client of clients) if ((await client.alive()) === 200) alive.push(client.sessionId);
    expect(revocation.body.revoked).toBe(clients.length - alive.length);
    const { items } = (await admin.get('/admin/users/crowd/sessions')).body;
    expect(items.map(({ id }) => id).toSorted()).toEqual(alive.toSorted());

    expect((await admin.del('/admin/users/crowd/sessions')).body).toEqual({ revoked: alive.length });
    for (const client of clients) expect(await client.alive()).toBe(401);
  });

  it('[row 31] ending what does not exist, or is over already, is 404', async () => {
    const user = await signedIn(node, { userId: 'again' });
    const second = await signedIn(node, { userId: 'again' });
    expect((await user.del(`/sessions/${second.sessionId}`)).status).toBe(204);
    for (const id of [second.sessionId, randomUUID()]) {
      expectProblem(await user.del(`/sessions/${id}`), 'SESSION_NOT_FOUND');
      expectProblem(await user.patch(`/sessions/${id}`, { deviceName: 'x' }), 'SESSION_NOT_FOUND');
      expectProblem(await admin.del(`/admin/sessions/${id}`), 'SESSION_NOT_FOUND');
      expectProblem(await admin.del(`/admin/users/again/sessions/${id}`), 'SESSION_NOT_FOUND');
    }
  });

  it('[row 31] a bulk that ends nothing says so, the second time too', async () => {
    const user = await signedIn(node, { userId: 'alone' });
    expect((await user.del('/sessions')).body).toEqual({ revoked: 0 });
    expect((await admin.del('/admin/users/nobody/sessions')).body).toEqual({ revoked: 0 });
    expect((await user.del('/sessions?includeCurrent=true')).body).toEqual({ revoked: 1 });
    expect((await admin.del('/admin/users/alone/sessions')).body).toEqual({ revoked: 0 });
  });

  it('[row 31] a bulk of a session that has been ended elsewhere does not count itself', async () => {
    const user = await signedIn(node, { userId: 'outdated' });
    expect(await user.at(other).alive()).toBe(200);
    await admin.del('/admin/users/outdated/sessions');
    // The other node has not heard of it.
    expect((await user.at(other).del('/sessions?includeCurrent=true')).body).toEqual({ revoked: 0 });
  });
});
