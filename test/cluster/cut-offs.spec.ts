import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type ServerProcess, startServer } from '../support/server.js';

const ADMIN = { email: 'root@example.com', password: 'correct horse battery' };
const USER = { email: 'user@example.com', password: 'correct horse battery' };

describe('a cut-off of everybody on real nodes', () => {
  let database: TestDatabase;
  let environment: Readonly<Record<string, string>>;
  const nodes: ServerProcess[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    environment = {
      DATABASE_URL: database.url,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      SIGN_IN_LIMIT: '0',
    };
    for (const name of ['a', 'b']) nodes.push(await startServer({ ...environment, NODE_NAME: name }));
  }, 90_000);

  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await database.drop();
  });

  async function post(
    node: number,
    path: string,
    body: object,
    token?: string,
  ): Promise<{ status: number; body: never }> {
    const answer = await fetch(nodes[node]!.url + path, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as never };
  }

  async function signIn(node: number, who: object): Promise<string> {
    const { status, body } = await post(node, '/auth/sign-in', { ...who, transport: 'bearer' });
    expect(status).toBe(200);
    return (body as { token: string }).token;
  }

  async function me(node: number, token: string): Promise<number> {
    const answer = await fetch(`${nodes[node]!.url}/me`, { headers: { Authorization: `Bearer ${token}` } });
    await answer.arrayBuffer();
    return answer.status;
  }

  it('[rows 28, 32] that was answered survives kill -9 of its node, and a restart', async () => {
    expect((await post(0, '/auth/sign-up', USER)).status).toBe(201);
    const admin = await signIn(0, ADMIN);
    const users = [await signIn(0, USER), await signIn(1, USER)];
    for (const token of users) expect(await Promise.all([me(0, token), me(1, token)])).toEqual([200, 200]);

    expect((await post(0, '/admin/cut-offs', { reason: 'incident' }, admin)).status).toBe(201);
    await nodes[0]!.kill();

    const deadline = performance.now() + 5_000;
    for (const token of users) while ((await me(1, token)) !== 401) expect(performance.now()).toBeLessThan(deadline);
    nodes[0] = await startServer({ ...environment, NODE_NAME: 'a again' });
    for (const token of [...users, admin]) expect(await Promise.all([me(0, token), me(1, token)])).toEqual([401, 401]);
    const again = await signIn(0, USER);
    expect(await Promise.all([me(0, again), me(1, again)])).toEqual([200, 200]);
  }, 60_000);
});
