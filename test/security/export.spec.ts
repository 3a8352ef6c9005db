import { randomUUID } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionJobs, type SessionScope } from 'nestjs-identity-session';
import { csvCell } from '../../libs/session/src/nest/rest/session-csv.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { IN_FULL } from '../support/in-full.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { ofSessions, sql } from './support/rows.js';
import { eventually } from './support/time.js';

const ROWS = 50_000;
const PAGE = 500;
/** A page that is asked for takes fewer than this many looks. */
const LOOKS = 50;
const BUSY = `SELECT count(*)::int AS busy FROM pg_stat_activity
  WHERE state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()`;
/** The test’s own set of ids included. */
const MOST_HELD_BYTES = 20_000_000;
const NAMES =
  'id,userId,tenantId,clientId,deviceType,deviceName,userAgent,initialIp,lastIp,location,status,createdAt,' +
  'authenticatedAt,lastAccessedAt,idleExpiresAt,expiresAt,assurance,endedAt,endReason,endedBy';

/** Reads a file as RFC 4180 has it, cell by cell. */
function parse(text: string): string[][] {
  const rows: string[][] = [[]];
  const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n|$)/gy;
  for (let match = cell.exec(text); match !== null && match.index < text.length; match = cell.exec(text)) {
    const [, raw = '', end] = match;
    rows.at(-1)!.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (end !== ',') rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}

/** What is on the heap and no garbage. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('a cell', () => {
  it.each([
    ['plain', '"plain"'],
    ['two, and "three"', '"two, and ""three"""'],
    ['a\r\nb', '"a\r\nb"'],
    [null, ''],
    ['', ''],
    ['=1+1', `"'=1+1"`],
    ['+1', `"'+1"`],
    ['-1', `"'-1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'\t=1"`],
    ['\r=1', `"'\r=1"`],
    ['\n=1', `"'\n=1"`],
    ['＝1', `"'＝1"`],
    ['=HYPERLINK("x")', `"'=HYPERLINK(""x"")"`],
    ['a=1', '"a=1"'],
  ])('of %j is %s: no spreadsheet carries it out', (value, expected) => {
    expect(csvCell(value)).toBe(expected);
  });
});

describe.each(ADAPTERS)('sessions as a file on %s', (adapter) => {
  let node: TestApp;
  let admin: Client;
  let asked = 0;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      // All garbage is collected again and again, while answers wait.
      options: { storeDeadlineMs: 60_000 },
      onQuery: (text) => {
        if (ofSessions(text) && text.includes('ORDER BY')) asked += 1;
      },
    });
    admin = await signedIn(node, { userId: 'admin' });
  });
  afterAll(() => node.close());

  const file = (query: string, by = admin) => by.get(`/admin/sessions.csv${query}`);

  it('has a line for each session that the search finds, by creation, and no secret', async () => {
    const userId = randomUUID();
    const made = { userId, deviceName: '=cmd|"x"', userAgent: 'a, b\r\nc' } as const;
    const clients: Client[] = [];
    for (let n = 0; n < 3; n += 1) clients.push(await signedIn(node, made));
    await admin.del(`/admin/sessions/${clients[1]!.sessionId}`);
    const answer = await file(`?userId=${userId}`);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="sessions.csv"',
      'cache-control': 'no-store',
    });
    const [header, ...rows] = parse(answer.text);
    expect(header?.join(',')).toBe(NAMES);
    expect(rows.map(([id]) => id)).toEqual([clients[0]!.sessionId, clients[2]!.sessionId]);
    expect(rows[0]?.[1]).toBe(userId);
    expect(rows[0]?.[5]).toBe(`'=cmd|"x"`);
    expect(rows[0]).toHaveLength(NAMES.split(',').length);
    for (const client of clients) expect(answer.text).not.toContain(client.token.slice(-20));
    expect(parse((await file(`?userId=${userId}&status=revoked`)).text)).toHaveLength(2);
    expect(parse((await file(`?userId=${randomUUID()}`)).text)).toHaveLength(1);
  });

  it('[row 44] ends where the right of whoever asks does, and is nobody else’s', async () => {
    const userId = randomUUID();
    await signedIn(node, { userId, tenantId: 'blue' });
    await signedIn(node, { userId, tenantId: 'green' });
    const tenantAdmin = await signedIn(node, { userId: 'admin@blue', tenantId: 'blue' });
    expect(parse((await file(`?userId=${userId}`, tenantAdmin)).text).map((row) => row[2])).toEqual([
      'tenantId',
      'blue',
    ]);
    expect(parse((await file(`?userId=${userId}&tenantId=green`, tenantAdmin)).text)).toHaveLength(1);
    expectProblem(await file('', await signedIn(node, { userId: 'nobody' })), 'FORBIDDEN');
    for (const query of ['?status=dead', '?limit=5', '?sort=createdAt', '?scope=all', '?ids=x', '?userId=%00']) {
      expectProblem(await file(query), 'VALIDATION_FAILED', ['errors']);
    }
    expectProblem(await admin.del('/admin/sessions.csv'), 'METHOD_NOT_ALLOWED');
  });

  // Rows come by one way on both; `npm run test:races` has them by both.
  if (!IN_FULL && adapter !== 'express') return;
  describe('of many', () => {
    beforeAll(async () => {
      await sql(
        node,
        `INSERT INTO identity_session (id, tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
           assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
         SELECT gen_random_uuid(), 'many', 'user-' || n, 'web', 'active', '{}', '\\x00', '\\x00', 'aal1', false, at, at, at,
           86400000, at + interval '30 days', at + interval '1 day'
         FROM generate_series(1, $1::int) AS n,
           (SELECT date_trunc('milliseconds', clock_timestamp() - interval '1 minute') AS at) moment`,
        [ROWS],
      );
      await sql(node, 'ANALYZE identity_session');
    });

    const open = (): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const headers = { cookie: admin.cookie! };
        get(`${node.url}/admin/sessions.csv?tenantId=many`, { headers, agent: false }, resolve).on('error', reject);
      });

    it('is asked of the database as it is taken, and holds next to nothing', async () => {
      const answer = await open();
      // Nobody takes anything: what is asked for is bounded by what lies on the way.
      await eventually(() => answer.readableLength > 0);
      const lines = new Set<string>();
      asked = 0;
      const before = heldBytes();
      let [rest, most, chunks] = ['', 0, 0];
      for await (const chunk of answer) {
        rest += (chunk as Buffer).toString();
        const whole = rest.split('\r\n');
        rest = whole.pop()!;
        for (const line of whole) lines.add(line.slice(1, 37));
        chunks += 1;
        if (chunks % 100 === 0) most = Math.max(most, heldBytes() - before);
      }
      expect(lines.size).toBe(ROWS + 1);
      expect(asked).toBeGreaterThan(ROWS / PAGE / 2);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(MOST_HELD_BYTES);
    });

    it('asks for nothing more once nobody takes it, and once whoever asked has gone', async () => {
      asked = 0;
      const answer = await open();
      answer.pause();
      /** Once nothing is asked any more, however often the database is looked at. */
      const quiet = async (): Promise<number> => {
        let seen = asked;
        for (let looks = 0; looks < LOOKS; looks += 1) {
          const [{ busy } = { busy: 1 }] = await sql<{ busy: number }>(node, BUSY);
          if (asked === seen && busy === 0) continue;
          seen = asked;
          looks = -1;
        }
        return seen;
      };
      const taken = await quiet();
      expect(taken).toBeLessThan(ROWS / PAGE / 2);
      answer.destroy();
      expect(await quiet()).toBeLessThanOrEqual(taken + 1);
      asked = 0;
      await admin.request('HEAD', '/admin/sessions.csv?tenantId=many');
      expect(await quiet()).toBeLessThanOrEqual(2);
    });

    it('in code is taken one by one, and stops with whoever takes it', async () => {
      const scope: SessionScope = { kind: 'tenant', tenantId: 'many' };
      let count = 0;
      asked = 0;
      for await (const session of node.app.get(SessionJobs).export({ status: 'live', scope })) {
        expect(session.tenantId).toBe('many');
        count += 1;
        if (count === PAGE + 1) break;
      }
      expect({ count, asked }).toEqual({ count: PAGE + 1, asked: 2 });
    });
  });
});
