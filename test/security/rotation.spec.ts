import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConsoleLogger } from '@nestjs/common';
import { SESSION_TOKEN_HEADER, SessionChecker } from 'nestjs-identity-session';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/app.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, type Client, presenting, signedIn, type SignInRequest } from './support/client.js';
import { ElevateController, RotateController, RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { ofSessions, sql } from './support/rows.js';
import { DEAF, followsLog, forget, letTimePass, MUTE } from './support/time.js';
import { Stopwatch } from '../support/stopwatch.js';

const INTERVAL_MS = 60_000;
const GRACE_MS = 30_000;
const ROTATING = { rotation: { intervalMs: INTERVAL_MS, graceMs: GRACE_MS } } as const;
const CONTROLLERS = [RuleController, ElevateController, RotateController];

/** The successor that an answer brings, however it brings it. */
function successorIn(answer: Answer): string | undefined {
  return answer.headers[SESSION_TOKEN_HEADER.toLowerCase()] ?? /^session=([^;]+)/.exec(answer.setCookies[0] ?? '')?.[1];
}

describe.each(ADAPTERS)('on %s', (adapter) => {
  const warnings: string[] = [];
  const queries: string[] = [];
  const nodes: TestApp[] = [];
  let home: TestApp;
  let other: TestApp;

  // The last application that starts says where all of a process log.
  const logger = new ConsoleLogger({ logLevels: [] });
  logger.warn = (...parts: unknown[]) => warnings.push(parts.map(String).join(' '));
  const start = async (given: TestAppOptions): Promise<TestApp> => {
    const node = await startTestApp({ adapter, controllers: CONTROLLERS, logger, ...given });
    nodes.push(node);
    return node;
  };

  beforeAll(async () => {
    home = await start({ options: ROTATING, onQuery: (query) => queries.push(query) });
    other = await start({ options: ROTATING, joins: home });
    await followsLog(home);
    await followsLog(other);
  });
  beforeEach(() => {
    warnings.length = 0;
  });
  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close();
  });

  /** A client whose token is due, as both nodes know. */
  const due = async (input: SignInRequest): Promise<Client> => {
    const user = await signedIn(home, input);
    await pass(INTERVAL_MS);
    for (const node of [home, other]) expect(await user.at(node).get('/optional')).toMatchObject({ status: 200 });
    return user;
  };
  const pass = async (ms: number): Promise<void> => {
    await letTimePass(home, ms);
    forget(other);
  };
  const row = async ({ sessionId }: Client) => {
    const [found] = await sql<{ status: string; version: number; generation: number; reason: string | null }>(
      home,
      'SELECT status, version, token_generation AS generation, end_reason AS reason FROM identity_session WHERE id = $1',
      [sessionId],
    );
    return found!;
  };
  const events = async ({ sessionId }: Client): Promise<string[]> => {
    const rows = await sql<{ type: string }>(
      home,
      'SELECT type FROM identity_session_event WHERE session_id = $1 ORDER BY id',
      [sessionId],
    );
    return rows.map(({ type }) => type);
  };
  /** Signed in, due, and rotated by one request; gives both tokens. */
  const rotated = async (input: SignInRequest): Promise<{ user: Client; old: string; successor: string }> => {
    const user = await signedIn(home, input);
    const old = user.token;
    await pass(INTERVAL_MS);
    const successor = successorIn(await user.me());
    if (successor === undefined) throw new Error('The token was not rotated.');
    if (user.bearer !== undefined) user.bearer = successor;
    return { user, old, successor };
  };

  describe('[row 8] a token that is due', () => {
    it('has one successor for 50 requests at once on two nodes, none of which is refused', async () => {
      const user = await signedIn(home, { userId: 'parallel', transport: 'bearer' });
      await pass(INTERVAL_MS);
      const at = [user, user.at(other)];
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => at[n % 2]!.me()));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const successors = new Set(answers.map(successorIn));
      expect(successors.size).toBe(1);
      const [successor = ''] = [...successors];
      expect(successor).toMatch(new RegExp(`^ids_${user.sessionId}\\.1\\.`));
      expect(await row(user)).toMatchObject({ version: 2, generation: 1, status: 'active' });
      expect(await events(user)).toEqual(['created', 'rotated']);
      for (const node of [home, other]) expect(await presenting(node, successor).alive()).toBe(200);
    });

    it('is replaced in a browser by cookie, with the attributes of the first', async () => {
      const user = await signedIn(home, { userId: 'browser', rememberMe: true });
      const old = user.token;
      await pass(INTERVAL_MS);
      const answer = await user.me();
      expect(answer.setCookies).toHaveLength(1);
      expect(answer.setCookies[0]).toMatch(/^session=ids_[^;]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
      expect(answer.headers).not.toHaveProperty(SESSION_TOKEN_HEADER.toLowerCase());
      expect(user.token).not.toBe(old);
      expect((await user.me()).setCookies).toEqual([]);
    });

    it('is replaced for an application by header, and no cookie is set', async () => {
      const user = await signedIn(home, { userId: 'application', transport: 'bearer' });
      await pass(INTERVAL_MS);
      const answer = await user.me();
      expect(answer.setCookies).toEqual([]);
      expect(answer.headers[SESSION_TOKEN_HEADER.toLowerCase()]).toMatch(/^ids_/);
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
    });

    it('is replaced again and again, one interval apart, and the session stays the same', async () => {
      const { user } = await rotated({ userId: 'long-lived' });
      for (const generation of [2, 3]) {
        await pass(INTERVAL_MS - 1_000);
        expect(successorIn(await user.me())).toBe(undefined);
        await pass(1_000);
        expect(successorIn(await user.me())).toBe(user.token);
        expect((await user.me()).body.sessionId).toBe(user.sessionId);
        expect(await row(user)).toMatchObject({ generation });
      }
    });

    it('is not replaced where nobody would deliver the successor', async () => {
      const user = await due({ userId: 'socket' });
      const before = await row(user);
      const { session, ...verdict } = await home.app.get(SessionChecker).verify(user.token);
      expect(session?.id).toBe(user.sessionId);
      expect(Object.values(verdict)).toEqual([]);
      expect(await row(user)).toEqual(before);
    });

    it('may sign out in the very request that rotates it: nothing is left but the end', async () => {
      for (const transport of ['cookie', 'bearer'] as const) {
        const user = await signedIn(home, { userId: 'leaving', transport });
        await pass(INTERVAL_MS);
        const answer = await user.del('/sign-out');
        expect(answer.status).toBe(200);
        expect(answer.headers).not.toHaveProperty(SESSION_TOKEN_HEADER.toLowerCase());
        expect(answer.setCookies.filter((line) => !line.startsWith('session=;'))).toEqual([]);
        expect(await events(user)).toEqual(['created', 'rotated', 'signed_out']);
      }
    });
  });

  describe('[row 8] the token before a rotation', () => {
    it('gets the same successor in the grace, on every node, whenever it is replayed', async () => {
      const { user, old, successor } = await rotated({ userId: 'replayed' });
      const before = await row(user);
      for (const node of [home, other, home]) {
        const answer = await presenting(node, old).me();
        expect(answer.status).toBe(200);
        expect(successorIn(answer)).toBe(successor);
      }
      await pass(GRACE_MS - 1_000);
      expect(successorIn(await presenting(other, old).get('/strict'))).toBe(successor);
      expect(await row(user)).toEqual(before);
    });

    it('is known in the grace without asking the database', async () => {
      const { user, old, successor } = await rotated({ userId: 'quiet' });
      await user.me();
      queries.length = 0;
      expect(successorIn(await presenting(home, old).me())).toBe(successor);
      expect(queries.filter(ofSessions)).toEqual([]);
    });

    it('ends the session when it is used after the grace: 401, one event, one line without a secret', async () => {
      const { user, old, successor } = await rotated({ userId: 'stolen' });
      expect(await user.alive()).toBe(200);
      await pass(GRACE_MS);
      const answers = await Promise.all(Array.from({ length: 10 }, () => presenting(home, old).me()));
      for (const answer of answers) expectProblem(answer, 'SESSION_INVALID');
      expect(await row(user)).toMatchObject({ status: 'revoked', reason: 'token_reused' });
      expect(await events(user)).toEqual(['created', 'rotated', 'revoked']);
      expectProblem(await user.me(), 'SESSION_REVOKED');
      expectProblem(await user.at(other).get('/strict'), 'SESSION_REVOKED');
      const lines = warnings.filter((line) => line.includes(user.sessionId));
      expect(lines).toHaveLength(1);
      for (const token of [old, successor]) expect(lines[0]).not.toContain(token.split('.')[2]);
      const [event] = await sql(
        home,
        `SELECT actor, reason FROM identity_session_event WHERE session_id = $1 AND type = 'revoked'`,
        [user.sessionId],
      );
      expect(event).toEqual({ actor: null, reason: 'token_reused' });
    });

    it('is refused only, where the options say so', async () => {
      const lenient = await start({ joins: home, options: { rotation: { ...ROTATING.rotation, onReuse: 'refuse' } } });
      const { user, old } = await rotated({ userId: 'forgiven' });
      await pass(GRACE_MS);
      forget(lenient);
      expectProblem(await presenting(lenient, old).me(), 'SESSION_INVALID');
      expect(await row(user)).toMatchObject({ status: 'active' });
      expect(await user.at(lenient).alive()).toBe(200);
    });

    it('ends no session that has run out by itself', async () => {
      const { user, old } = await rotated({ userId: 'gone' });
      await pass(31 * 86_400_000);
      expectProblem(await presenting(home, old).me(), 'SESSION_INVALID');
      expect(await events(user)).toEqual(['created', 'rotated']);
    });

    it('is dead at once after a rotation for changed rights or credentials, with the one before it', async () => {
      const { user, old, successor } = await rotated({ userId: 'new-password' });
      expect((await user.post('/rotate')).status).toBe(201);
      for (const token of [old, successor]) expectProblem(await presenting(home, token).me(), 'SESSION_INVALID');
      expect(await user.alive()).toBe(200);
      await pass(GRACE_MS);
      for (const token of [old, successor]) expectProblem(await presenting(home, token).me(), 'SESSION_INVALID');
      expect(await user.alive()).toBe(200);
    });

    it('is dead at once after a sign-in over it; it counts as the session that is signed in over', async () => {
      const { user, old } = await rotated({ userId: 'again', transport: 'bearer' });
      const late = presenting(home, old);
      await late.signIn({ userId: 'again' });
      expect(await row(user)).toMatchObject({ status: 'signed_out', reason: 'replaced' });
      for (const token of [old, user.token]) expectProblem(await presenting(home, token).me(), 'SESSION_SIGNED_OUT');
    });
  });

  describe('[row 7] the token before a step-up', () => {
    it('lives through the grace at the level and freshness that it had, and is given no successor', async () => {
      const user = await signedIn(home, { userId: 'stepping-up', transport: 'bearer' });
      await pass(1_000);
      const old = user.token;
      const answer = await user.post('/elevate', { assurance: 'aal2' });
      const late = presenting(home, old);
      user.bearer = successorIn(answer);
      for (const node of [home, other]) {
        const seen = await late.at(node).get('/sessions/current');
        expect(seen).toMatchObject({ status: 200, body: { assurance: 'aal1' } });
        expect(successorIn(seen)).toBe(undefined);
        expectProblem(await late.at(node).get('/second-factor'), 'ASSURANCE_TOO_LOW');
        expect((await user.at(node).get('/second-factor')).status).toBe(200);
      }
      const own = await user.get('/sessions/current');
      const times = [await late.get('/sessions/current'), own].map(({ body }) =>
        Date.parse(String(body['authenticatedAt'])),
      );
      expect(times[0]).toBeLessThan(times[1]!);
    });

    it('gets none of what the step-up has brought by having itself rotated', async () => {
      const user = await signedIn(home, { userId: 'sneaking-up', transport: 'bearer' });
      await pass(1_000);
      const late = presenting(home, user.token);
      user.bearer = successorIn(await user.post('/elevate', { assurance: 'aal2' }));
      const answer = await late.post('/rotate');
      expectProblem(answer, 'SESSION_NOT_FRESH');
      expect(successorIn(answer)).toBe(undefined);
      expect((await user.get('/second-factor')).status).toBe(200);
      // Who proves again who they are gets what they have proved.
      expect(successorIn(await late.post('/elevate', { assurance: 'aal2' }))).toMatch(/^ids_/);
    });

    it('ends the session when it is used after the grace', async () => {
      const user = await signedIn(home, { userId: 'stepped-up' });
      const old = user.token;
      await user.post('/elevate', { assurance: 'aal2' });
      await pass(GRACE_MS);
      expectProblem(await presenting(home, old).me(), 'SESSION_INVALID');
      expectProblem(await user.me(), 'SESSION_REVOKED');
    });
  });

  describe('[row 8] what proves nothing', () => {
    it('revokes nothing: an older generation, a public id, a secret of another session', async () => {
      const { user, old, successor } = await rotated({ userId: 'attacked' });
      const another = await signedIn(home, { userId: 'attacker' });
      await pass(GRACE_MS);
      const secrets = [randomBytes(32).toString('base64url'), another.token.split('.')[2], old.split('.')[2]];
      for (const secret of secrets) {
        for (const generation of [0, 1, 2]) {
          const forged = `ids_${user.sessionId}.${generation}.${secret}`;
          if (forged !== old) expectProblem(await presenting(home, forged).me(), 'SESSION_INVALID');
        }
      }
      expect(await row(user)).toMatchObject({ status: 'active' });
      expect(await presenting(home, successor).alive()).toBe(200);
    });
  });

  it('[row 8] a node that has not heard of a rotation refuses neither token', async () => {
    const deaf = await start({ joins: home, options: { ...DEAF, ...ROTATING } });
    const mute = await start({ joins: home, options: { ...MUTE, ...ROTATING } });
    await followsLog(deaf);
    const user = await signedIn(home, { userId: 'unheard', transport: 'bearer' });
    await pass(INTERVAL_MS);
    forget(mute);
    // Known to the deaf node as it was before.
    expect(await deaf.app.get(SessionChecker).verify(user.token)).toMatchObject({
      session: { id: user.sessionId },
    });
    const successor = successorIn(await user.at(mute).me());
    const answer = await user.at(deaf).me();
    expect(answer.status).toBe(200);
    expect(successorIn(answer)).toBe(successor);
    expect(await presenting(deaf, successor!).alive()).toBe(200);
    expect(await events(user)).toEqual(['created', 'rotated']);
  });

  it('[row 8] rotation that is off sends no statement and changes no token', async () => {
    const sent: string[] = [];
    const still = await start({ joins: home, onQuery: (query) => sent.push(query) });
    await followsLog(still);
    const user = await signedIn(still, { userId: 'unchanged' });
    await pass(20 * 3_600_000);
    forget(still);
    expect(await user.alive()).toBe(200);
    sent.length = 0;
    for (let count = 0; count < 20; count++) expect(successorIn(await user.me())).toBe(undefined);
    expect(sent.filter(ofSessions)).toEqual([]);
    expect(await row(user)).toMatchObject({ version: 1, generation: 0 });
  });
});

describe.each(ADAPTERS)('with token keys, on %s', (adapter) => {
  const tokenKeys = [{ id: 'k1', secret: randomBytes(32) }];
  let node: TestApp;

  beforeAll(async () => {
    const logger = new ConsoleLogger({ logLevels: [] });
    node = await startTestApp({ adapter, options: { ...ROTATING, tokenKeys }, logger });
  });
  afterAll(() => node.close());

  it('[row 8] a genuine token of any older generation is proof of theft; a forged one is not', async () => {
    const user = await signedIn(node, { userId: 'authentic' });
    const first = user.token;
    for (let generation = 1; generation <= 2; generation++) {
      await letTimePass(node, INTERVAL_MS);
      await user.me();
    }
    expect(user.token).toMatch(/^ids_[^.]+\.2\./);
    await letTimePass(node, GRACE_MS);
    const [id, , , keyId, mac] = first.split('.');
    const forged = `${id}.0.${randomBytes(32).toString('base64url')}.${keyId}.${mac}`;
    expectProblem(await presenting(node, forged).me(), 'SESSION_INVALID');
    expect(await user.alive()).toBe(200);
    expectProblem(await presenting(node, first).me(), 'SESSION_INVALID');
    expectProblem(await user.me(), 'SESSION_REVOKED');
  });
});

describe.each(ADAPTERS)('with a database that fails, on %s', (adapter) => {
  let proxy: TcpProxy;
  let node: TestApp;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      options: { ...ROTATING, storeDeadlineMs: 1_500, maxStalenessMs: 600_000 },
      logger: new ConsoleLogger({ logLevels: [] }),
      databaseUrl: async (url) => {
        const wire = await TcpProxy.to(url);
        proxy = wire.proxy;
        return wire.url;
      },
    });
    await followsLog(node);
  });
  afterEach(() => {
    proxy.loseAnswerTo = undefined;
    proxy.heal();
  });
  afterAll(async () => {
    await node.close();
    await proxy.close();
  });

  const dueUser = async (userId: string): Promise<Client> => {
    const user = await signedIn(node, { userId, transport: 'bearer' });
    await letTimePass(node, INTERVAL_MS);
    return user;
  };

  it('[row 8] a rotation whose answer is lost is done once, and its successor is delivered', async () => {
    const user = await dueUser('lost-answer');
    proxy.loseAnswerTo = (sent) => {
      if (!sent.includes('previous_token_digest = s.token_digest')) return false;
      proxy.loseAnswerTo = undefined;
      return true;
    };
    const answer = await user.me();
    expect(proxy.loseAnswerTo).toBe(undefined);
    const successor = successorIn(answer);
    expect(successor).toMatch(/\.1\./);
    expect(await presenting(node, successor!).alive()).toBe(200);
    const [session] = await sql(node, 'SELECT version, token_generation FROM identity_session WHERE id = $1', [
      user.sessionId,
    ]);
    expect(session).toEqual({ version: 2, token_generation: 1 });
  });

  it('[row 8] a rotation that fails fails no request: the old token stays good, and later ones do not wait', async () => {
    const user = await dueUser('no-database');
    await node.app.get(SessionChecker).verify(user.token);
    proxy.stall();
    const answers = await Promise.all([user.me(), user.me(), user.me()]);
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(successorIn(answer)).toBe(undefined);
    }
    const watch = new Stopwatch();
    expect(await user.alive()).toBe(200);
    expect(watch.stop()).toBeLessThan(1_000);
  });
});
