import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN, TwoNodes, USER } from './support/two-nodes.js';

describe('settings at run time on real nodes', () => {
  let two: TwoNodes;

  beforeAll(async () => {
    two = await TwoNodes.start();
  }, 90_000);
  afterAll(() => two.close());

  it('[rows 32, 41] that were answered decide on the other node at once, and survive kill -9 and a restart', async () => {
    expect((await two.send(0, 'POST', '/auth/sign-up', USER)).status).toBe(201);
    const admin = (await two.signIn(0, ADMIN)).body['token'] as string;
    for (let n = 0; n < 3; n += 1) expect((await two.signIn(n % 2, USER)).status).toBe(200);

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
  }, 60_000);
});
