import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionChecker } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { send, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { ofSessions, setRow } from './support/rows.js';
import { followsLog } from './support/time.js';

/** As a token that has the right id and a secret of somebody's own making. */
function withWrongSecret(token: string): string {
  const secret = token.slice(-43);
  return token.slice(0, -43) + (secret.startsWith('A') ? 'B' : 'A') + secret.slice(1);
}

/** Accesses are written now and then, by themselves. */
const isRead = (query: string): boolean => ofSessions(query) && !/\b(UPDATE|INSERT|DELETE)\b/.test(query);

describe('whoever knows ids but no secrets', () => {
  const queries: string[] = [];
  let node: TestApp;

  beforeAll(async () => {
    // A node has more to ask in the background than what it is asked for.
    node = await startTestApp({ onQuery: (query) => isRead(query) && queries.push(query) });
    await followsLog(node);
  });
  afterAll(() => node.close());

  it('[row 66] keeps the database no busier than a bound, and keeps nobody else out', async () => {
    const users = await Promise.all(
      Array.from({ length: 400 }, (_, index) => signedIn(node, { userId: `victim ${index}`, transport: 'bearer' })),
    );
    for (const user of users) expect(await user.alive()).toBe(200);
    queries.length = 0;
    const checker = node.app.get(SessionChecker);
    const attacks = users.map((user) => checker.verify(withWrongSecret(user.token)));
    // Of what memory knows nobody has to wait.
    for (const user of users) expect(checker.verify(user.token)).toHaveProperty('session');
    const codes = (await Promise.all(attacks.map(async (attack) => attack))).map((verdict) => verdict.error?.code);
    const refused = codes.filter((code) => code === 'SESSION_STORE_UNAVAILABLE').length;
    expect(refused).toBe(400 - 256);
    expect(codes.filter((code) => code === 'SESSION_INVALID')).toHaveLength(256);
    expect(queries).toHaveLength(1);
    // And then the next may be compared again.
    expect((await checker.verify(withWrongSecret(users[0]!.token))).error?.code).toBe('SESSION_INVALID');
  });

  it('[row 5] asks the database once in a while for an id that no session has', async () => {
    const { token, sessionId } = await signedIn(node, { userId: 'mallory', transport: 'bearer' });
    const unknown = token.replace(sessionId, `${sessionId.slice(0, -4)}0000`);
    queries.length = 0;
    const begunAt = performance.now();
    for (let turn = 0; turn < 50; turn += 1) {
      const answer = await send(node.url, 'GET', '/me', { headers: { authorization: `Bearer ${unknown}` } });
      expectProblem(answer, 'SESSION_INVALID');
    }
    // Once for each tail interval that has passed meanwhile.
    expect(queries.length).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - begunAt) / 1_000));
  });
});

describe('with `strict`, every check', () => {
  it('[row 22] sees what the database has now, whoever changed it', async () => {
    const node = await startTestApp({ options: { strict: true } });
    try {
      await followsLog(node);
      const user = await signedIn(node, { userId: 'alice', transport: 'bearer' });
      expect(await user.alive()).toBe(200);
      await setRow(node, user.sessionId, `status = 'revoked'`);
      expectProblem(await user.me(), 'SESSION_REVOKED');
    } finally {
      await node.close();
    }
  });
});
