import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type ServerProcess, startServer } from '../support/server.js';

const ADMIN = { email: 'root@example.com', password: 'correct horse battery' };
const USER = { email: 'user@example.com', password: 'correct horse battery' };

describe('settings at run time on real nodes', () => {
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

  async function send(node: number, method: string, path: string, body?: object, token?: string) {
    const answer = await fetch(nodes[node]!.url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  const signIn = (node: number, who: object) => send(node, 'POST', '/auth/sign-in', { ...who, transport: 'bearer' });

  it('[rows 32, 41] that were answered decide on the other node at once, and survive kill -9 and a restart', async () => {
    expect((await send(0, 'POST', '/auth/sign-up', USER)).status).toBe(201);
    const admin = (await signIn(0, ADMIN)).body['token'] as string;
    for (let n = 0; n < 3; n += 1) expect((await signIn(n % 2, USER)).status).toBe(200);

    const settings = { strategy: [{ scope: 'subject', limit: 2, whenFull: 'evict-oldest' }] };
    const changed = await send(0, 'PUT', '/admin/settings', { version: 0, settings, reason: 'fewer' }, admin);
    expect(changed).toMatchObject({
      status: 200,
      body: { version: 1, stored: settings, changedBy: expect.any(String) },
    });
    await nodes[0]!.kill();
    const evicted = (await signIn(1, USER)).body['evicted'] as string[];
    expect(evicted).toHaveLength(2);

    nodes[0] = await startServer({ ...environment, NODE_NAME: 'a again' });
    expect((await signIn(0, USER)).body['evicted']).toHaveLength(1);
    expect((await send(0, 'GET', '/admin/settings', undefined, admin)).body).toEqual(changed.body);
  }, 60_000);
});
