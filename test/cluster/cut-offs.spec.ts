import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN, TwoNodes, USER } from './support/two-nodes.js';

describe('a cut-off of everybody on real nodes', () => {
  let two: TwoNodes;

  beforeAll(async () => {
    two = await TwoNodes.start();
  }, 90_000);
  afterAll(() => two.close());

  async function signIn(node: number, who: object): Promise<string> {
    const { status, body } = await two.signIn(node, who);
    expect(status).toBe(200);
    return body['token'] as string;
  }

  const me = async (node: number, token: string): Promise<number> =>
    (await two.send(node, 'GET', '/me', undefined, token)).status;

  it('[rows 28, 32] that was answered survives kill -9 of its node, and a restart', async () => {
    expect((await two.send(0, 'POST', '/auth/sign-up', USER)).status).toBe(201);
    const admin = await signIn(0, ADMIN);
    const users = [await signIn(0, USER), await signIn(1, USER)];
    for (const token of users) expect(await Promise.all([me(0, token), me(1, token)])).toEqual([200, 200]);

    expect((await two.send(0, 'POST', '/admin/cut-offs', { reason: 'incident' }, admin)).status).toBe(201);
    await two.kill(0);

    const deadline = performance.now() + 5_000;
    for (const token of users) while ((await me(1, token)) !== 401) expect(performance.now()).toBeLessThan(deadline);
    await two.restart(0);
    for (const token of [...users, admin]) expect(await Promise.all([me(0, token), me(1, token)])).toEqual([401, 401]);
    const again = await signIn(0, USER);
    expect(await Promise.all([me(0, again), me(1, again)])).toEqual([200, 200]);
  }, 60_000);
});
