import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  AllowDriftedSession,
  type AssuranceLevel,
  CurrentSession,
  type DriftOptions,
  type Session,
  type SessionEvent,
  SessionEvents,
  SessionService,
} from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Answer, Client } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { ofSessions, sql } from './support/rows.js';
import { eventually, flushTouches, followsLog, forget } from './support/time.js';

const HOME = '192.0.2.7';
const SAME_NETWORK = '192.0.2.200';
const ELSEWHERE = '198.51.100.9';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0';
const FIREFOX_UPDATED = FIREFOX.replaceAll('132.0', '133.0');
const CURL = 'curl/8.5.0';

/** Where the user proves anew who they are. */
@Controller()
class AgainController {
  constructor(private readonly sessions: SessionService) {}

  @AllowDriftedSession()
  @Post('again')
  @HttpCode(200)
  async again(
    @CurrentSession() current: Session,
    @Body() { assurance }: { assurance: AssuranceLevel },
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<object> {
    await this.sessions.elevate(current, { assurance, request, response });
    return {};
  }
}

/** Somebody who moves about. */
class Traveller {
  address = HOME;
  agent = FIREFOX;

  constructor(readonly client: Client) {}

  static async signedIn(node: TestApp, userId: string): Promise<Traveller> {
    const traveller = new Traveller(new Client(node.url));
    const answer = await traveller.request('POST', '/sign-in', { userId });
    expect(answer.status).toBe(201);
    traveller.client.sessionId = answer.body.id;
    return traveller;
  }

  at(node: TestApp): Traveller {
    const same = new Traveller(this.client.at(node));
    same.address = this.address;
    same.agent = this.agent;
    return same;
  }

  request(method: string, path: string, body?: object): Promise<Answer> {
    const headers = { 'x-forwarded-for': this.address, 'user-agent': this.agent };
    return this.client.request(method, path, { body, headers });
  }

  me(address = this.address, agent = this.agent): Promise<Answer> {
    this.address = address;
    this.agent = agent;
    return this.request('GET', '/me');
  }
}

let home: TestApp;
const queries: string[] = [];

beforeAll(async () => {
  home = await nodeWith(undefined);
});
afterAll(() => home.close());

function nodeWith(drift: DriftOptions | undefined, joins?: TestApp): Promise<TestApp> {
  return startTestApp({
    ...(joins === undefined ? {} : { joins }),
    controllers: [AgainController],
    options: { trustProxyHops: 1, ...(drift === undefined ? {} : { drift }) },
    onQuery: (query) => queries.push(query),
  });
}

async function during<T>(drift: DriftOptions, test: (node: TestApp) => Promise<T>): Promise<T> {
  const node = await nodeWith(drift, home);
  try {
    await followsLog(node);
    return await test(node);
  } finally {
    await node.close();
  }
}

const drifts = (sessionId: string) =>
  sql<{ reason: string; to: string }>(
    home,
    `SELECT reason, details ->> 'to' AS "to" FROM identity_session_event
     WHERE session_id = $1 AND type = 'drifted' ORDER BY id`,
    [sessionId],
  );

const status = async (sessionId: string) =>
  (await sql(home, 'SELECT status, end_reason FROM identity_session WHERE id = $1', [sessionId]))[0];

describe('[row 57] unless configured', () => {
  it('another address is nothing, and another user agent an event, once', async () => {
    const events: SessionEvent[] = [];
    const unsubscribe = home.app.get(SessionEvents).subscribe((event) => events.push(event));
    const user = await Traveller.signedIn(home, 'default');
    const { sessionId } = user.client;
    for (const agent of [FIREFOX, CURL, FIREFOX, CURL, CURL]) {
      expect(await user.me(ELSEWHERE, agent)).toMatchObject({ status: 200 });
    }
    await eventually(async () => (await drifts(sessionId)).length > 0);
    // Not anew by a node that has forgotten everything either.
    forget(home);
    await user.me(HOME, CURL);
    await user.me(HOME, 'Wget/1.21');
    await eventually(async () => (await drifts(sessionId)).length > 1);
    expect(await drifts(sessionId)).toEqual([
      { reason: 'user_agent', to: CURL },
      { reason: 'user_agent', to: 'Wget/1.21' },
    ]);
    await eventually(() => events.filter(({ type }) => type === 'drifted').length === 2);
    expect(events.find(({ type }) => type === 'drifted')).toMatchObject({
      sessionId,
      reason: 'user_agent',
      actor: null,
    });
    unsubscribe();
  });

  it('a browser that updates itself is the same, and so is one that says nothing where nothing was said', async () => {
    const user = await Traveller.signedIn(home, 'updated');
    await user.me(HOME, FIREFOX_UPDATED);
    // The order of recording is that of requests: if the first had been recorded, it would be first.
    await user.me(HOME, CURL);
    await eventually(async () => (await drifts(user.client.sessionId)).length > 0);
    expect(await drifts(user.client.sessionId)).toEqual([{ reason: 'user_agent', to: CURL }]);
  });
});

describe('[row 57] with a policy', () => {
  it('requests from the same place ask nothing of the database, however strict it is', () =>
    during({ address: 'end', userAgent: 'end' }, async (node) => {
      const user = await Traveller.signedIn(node, 'at-home');
      await user.me();
      queries.length = 0;
      for (let n = 0; n < 20; n += 1)
        expect(await user.me(n % 2 === 0 ? HOME : SAME_NETWORK)).toMatchObject({ status: 200 });
      expect(queries.filter(ofSessions)).toEqual([]);
    }));

  it('record: another network is an event, once for each, and roaming within one is none', () =>
    during({ address: 'record', userAgent: 'ignore' }, async (node) => {
      const user = await Traveller.signedIn(node, 'roaming');
      for (const address of [HOME, SAME_NETWORK, ELSEWHERE, HOME, ELSEWHERE, '2001:db8:5::1', '2001:db8:5:1::9']) {
        expect(await user.me(address, address === HOME ? FIREFOX : CURL)).toMatchObject({ status: 200 });
      }
      await eventually(async () => (await drifts(user.client.sessionId)).length === 3);
      expect(await drifts(user.client.sessionId)).toEqual(
        expect.arrayContaining([
          { reason: 'address', to: '198.51.100.0/24' },
          { reason: 'address', to: '2001:db8:5::/48' },
          { reason: 'address', to: '192.0.2.0/24' },
        ]),
      );
    }));

  it('step-up: refused from elsewhere until the user has authenticated there, on every node, and still served at home', () =>
    during({ address: 'step-up', userAgent: 'step-up' }, async (node) => {
      const other = await nodeWith({ address: 'step-up', userAgent: 'step-up' }, home);
      try {
        await followsLog(other);
        const user = await Traveller.signedIn(node, 'stepping');
        const thief = user.at(other);
        for (const [address, agent] of [
          [ELSEWHERE, FIREFOX],
          [HOME, CURL],
          [ELSEWHERE, CURL],
        ] as const) {
          expectProblem(await user.me(address, agent), 'SESSION_NOT_FRESH');
          expectProblem(await thief.me(address, agent), 'SESSION_NOT_FRESH');
        }
        expect(await user.me(HOME, FIREFOX)).toMatchObject({ status: 200 });
        expect(await status(user.client.sessionId)).toMatchObject({ status: 'active' });

        user.address = ELSEWHERE;
        user.agent = CURL;
        expect(await user.request('POST', '/again', { assurance: 'aal1' })).toMatchObject({ status: 200 });
        expect(await user.me()).toMatchObject({ status: 200 });
        expect(await user.at(other).me()).toMatchObject({ status: 200 });
        // Not after a restart of what is known either.
        await flushTouches(node);
        forget(node);
        expect(await user.me()).toMatchObject({ status: 200 });
        // And home is elsewhere now.
        expectProblem(await user.at(other).me(HOME, FIREFOX), 'SESSION_NOT_FRESH');
      } finally {
        await other.close();
      }
    }));

  it('a request that may come from elsewhere does not make elsewhere home', () =>
    during({ address: 'step-up' }, async (node) => {
      const user = await Traveller.signedIn(node, 'sneaking');
      user.address = ELSEWHERE;
      expectProblem(await user.request('POST', '/again', { assurance: 'nonsense' }), 'VALIDATION_FAILED', ['errors']);
      expectProblem(await user.me(ELSEWHERE), 'SESSION_NOT_FRESH');
      await flushTouches(node);
      forget(node);
      expectProblem(await user.me(ELSEWHERE), 'SESSION_NOT_FRESH');
      expect(await user.me(HOME)).toMatchObject({ status: 200 });
    }));

  it('end: a session that turns up elsewhere is over, and nobody else’s', () =>
    during({ address: 'end', userAgent: 'end' }, async (node) => {
      const user = await Traveller.signedIn(node, 'stolen');
      const again = await Traveller.signedIn(node, 'stolen');
      expectProblem(await user.me(ELSEWHERE), 'SESSION_REVOKED');
      // Durable by then.
      expect(await status(user.client.sessionId)).toEqual({ status: 'revoked', end_reason: 'drift' });
      expectProblem(await user.me(HOME), 'SESSION_REVOKED');
      expectProblem(await again.me(HOME, CURL), 'SESSION_REVOKED');
      expect(await drifts(again.client.sessionId)).toEqual([{ reason: 'user_agent', to: CURL }]);
    }));

  it('end: phones that change addresses within their networks stay signed in', () =>
    during({ address: 'end' }, async (node) => {
      const users = await Promise.all(Array.from({ length: 20 }, (_, n) => Traveller.signedIn(node, `phone-${n}`)));
      for (let step = 1; step <= 5; step += 1) {
        const answers = await Promise.all(users.map((user, n) => user.me(`192.0.2.${(step * 40 + n) % 256}`)));
        expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
      }
    }));

  it('what counts as the same can be the application’s to say', () =>
    during(
      { address: 'end', networkOf: () => 'anywhere', userAgent: 'end', agentOf: () => 'anything' },
      async (node) => {
        const user = await Traveller.signedIn(node, 'anywhere');
        expect(await user.me(ELSEWHERE, CURL)).toMatchObject({ status: 200 });
      },
    ));
});
