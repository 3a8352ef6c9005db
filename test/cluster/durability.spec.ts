import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN, TwoNodes, USER } from './support/two-nodes.js';
import { eventually } from '../security/support/time.js';

/** One after the other on the same nodes, of which each test kills and restarts one. */
describe('what was answered, on real nodes', () => {
  let two: TwoNodes;
  let admin: string;

  beforeAll(async () => {
    two = await TwoNodes.start();
    expect((await two.send(0, 'POST', '/auth/sign-up', USER)).status).toBe(201);
    admin = await signIn(0, ADMIN);
  });
  afterAll(() => two.close());

  async function signIn(node: number, who: object): Promise<string> {
    const { status, body } = await two.signIn(node, who);
    expect(status).toBe(200);
    return body['token'] as string;
  }

  const me = async (node: number, token: string): Promise<number> =>
    (await two.send(node, 'GET', '/me', undefined, token)).status;

  it('[rows 28, 32] a cut-off of everybody survives kill -9 of its node, and a restart', async () => {
    const users = [await signIn(0, USER), await signIn(1, USER)];
    for (const token of users) expect(await Promise.all([me(0, token), me(1, token)])).toEqual([200, 200]);

    expect((await two.send(0, 'POST', '/admin/cut-offs', { reason: 'incident' }, admin)).status).toBe(201);
    await two.kill(0);

    for (const token of users) await eventually(async () => (await me(1, token)) === 401);
    await two.restart(0);
    for (const token of [...users, admin]) expect(await Promise.all([me(0, token), me(1, token)])).toEqual([401, 401]);
    const again = await signIn(0, USER);
    expect(await Promise.all([me(0, again), me(1, again)])).toEqual([200, 200]);
  });

  it('[rows 32, 41] settings decide on the other node at once, and survive kill -9 and a restart', async () => {
    admin = await signIn(0, ADMIN);
    for (let n = 0; n < 2; n += 1) await signIn(n % 2, USER);

    const settings = { strategy: [{ scope: 'subject', limit: 2, whenFull: 'evict-oldest' }] };
    const changed = await two.send(0, 'PUT', '/admin/settings', { version: 0, settings, reason: 'fewer' }, admin);
    expect(changed).toMatchObject({
      status: 200,
      body: { version: 1, stored: settings, changedBy: expect.any(String) },
    });
    await two.kill(0);
    const evicted = (await two.signIn(1, USER)).body['evicted'] as string[];
    expect(evicted).toHaveLength(2);

    await two.restart(0);
    expect((await two.signIn(0, USER)).body['evicted']).toHaveLength(1);
    expect((await two.send(0, 'GET', '/admin/settings', undefined, admin)).body).toEqual(changed.body);
  });
});
