import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess } from '../support/server.js';

const ACCOUNT = { email: 'watched@example.com', password: 'correct horse battery' };

describe.each(['express', 'fastify'])('GET /metrics on %s', (adapter) => {
  let database: TestDatabase;
  let server: RunningServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startInProcess({ DATABASE_URL: database.url, HTTP_ADAPTER: adapter });
  });

  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  const post = (path: string, body: object): Promise<Response> =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  const scrape = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text();

  async function valueOf(series: string): Promise<number> {
    const line = (await scrape()).split('\n').find((candidate) => candidate.startsWith(`${series} `));
    if (line === undefined) throw new Error(`There is no series ${series}.`);
    return Number(line.slice(series.length));
  }

  it('answers whoever asks, in the text format of Prometheus, and is not kept by caches', async () => {
    const answer = await fetch(`${server.url}/metrics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    for (const line of (await answer.text()).split('\n').filter((text) => text !== '')) {
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_\d]+ .+|[a-z_\d]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (\S+))$/);
    }
  });

  it('counts what requests cost, and tells nothing of anybody', async () => {
    expect((await post('/auth/sign-up', ACCOUNT)).status).toBe(201);
    const signIn = await post('/auth/sign-in', { ...ACCOUNT, transport: 'bearer' });
    const { token, session } = (await signIn.json()) as { token: string; session: { id: string; userId: string } };
    const lookups = 'identity_session_lookups_total{level="memory"}';
    const before = await valueOf(lookups);
    for (let n = 0; n < 5; n += 1) {
      expect((await fetch(`${server.url}/me`, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200);
    }
    expect((await valueOf(lookups)) - before).toBe(5);
    // A second scrape tells the same and does not add it up.
    expect((await valueOf(lookups)) - before).toBe(5);
    expect(await valueOf('identity_session_touches_buffered')).toBe(1);
    expect(await valueOf('identity_session_lease_held')).toBe(1);
    const text = await scrape();
    for (const secret of [token, session.id, session.userId, ACCOUNT.email]) expect(text).not.toContain(secret);
  });

  it('has exactly the metrics that docs/operations.md explains', async () => {
    const names = [...(await scrape()).matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!);
    const documents = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const rows = [...documents.matchAll(/^\| `(identity_session_\w+)/gm)].map(([, name]) => name!);
    expect(names.filter((name) => name.startsWith('identity_session_')).sort()).toEqual([...rows].sort());
    expect(names.filter((name) => !/^(identity_session|process|nodejs)_/.test(name))).toEqual([]);
  });
});
