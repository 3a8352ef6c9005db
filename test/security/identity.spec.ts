import { Agent, request } from 'node:http';
import { Controller, Get } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CurrentSession, CurrentUserId, type Session } from 'nestjs-identity-session';
import { IN_FULL } from '../support/in-full.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, signedIn } from './support/client.js';
import { forget } from './support/time.js';

const USERS = 100;
/** On each adapter. */
const REQUESTS = IN_FULL ? 10_000 : 2_000;
const AT_ONCE = 80;

/** Answers after others have been let in between. */
@Controller()
class LateController {
  @Get('late')
  async late(@CurrentSession() before: Session, @CurrentUserId() userId: string): Promise<object> {
    for (let turn = 0; turn < userId.length % 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return { userId, sessionId: before.id };
  }
}

/** Numbers that look random and are the same in each run. */
function* sequence(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let agent: Agent;
  const users: { readonly userId: string; readonly client: Client }[] = [];

  beforeAll(async () => {
    node = await startTestApp({ adapter, controllers: [LateController] });
    agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    for (let n = 0; n < USERS; n += 1) {
      const userId = `user-${'x'.repeat(n % 7)}${n}`;
      users.push({ userId, client: await signedIn(node, { userId, transport: n % 2 === 0 ? 'bearer' : 'cookie' }) });
    }
  });
  afterAll(async () => {
    agent.destroy();
    await node.close();
  });

  /** What was answered; `undefined` for a request that its client has given up. */
  function ask(client: Client, path: string, abortAfterMs: number | undefined): Promise<string | undefined> {
    return new Promise((resolve) => {
      const { hostname, port } = new URL(node.url);
      const headers = {
        ...(client.cookie === undefined ? {} : { cookie: client.cookie }),
        ...(client.bearer === undefined ? {} : { authorization: `Bearer ${client.bearer}` }),
      };
      const outgoing = request({ agent, hostname, port, path, headers }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => {
          resolve(`${answer.statusCode ?? 0} ${text}`);
        });
        answer.on('error', () => {
          resolve(undefined);
        });
      });
      outgoing.on('error', () => {
        resolve(undefined);
      });
      outgoing.end();
      if (abortAfterMs === 0) outgoing.destroy();
      else if (abortAfterMs !== undefined) setTimeout(() => outgoing.destroy(), abortAfterMs);
    });
  }

  it(`[row 67] ${REQUESTS} interleaved requests of a hundred users, some given up: each is answered as its token’s user`, async () => {
    const random = sequence(adapter.length);
    let sent = 0;
    let answered = 0;
    const wrong: string[] = [];
    const worker = async (): Promise<void> => {
      while (sent < REQUESTS) {
        sent += 1;
        // Now and then memory is empty, so that loads and checks from memory run side by side.
        if (sent % (REQUESTS / 4) === 0) forget(node);
        const { userId, client } = users[Math.floor(random.next().value * USERS)]!;
        const path = random.next().value < 0.5 ? '/me' : '/late';
        const isGivenUp = random.next().value < 0.1;
        const text = await ask(client, path, isGivenUp ? Math.floor(random.next().value * 3) : undefined);
        if (text === undefined && isGivenUp) continue;
        answered += 1;
        if (text !== `200 ${JSON.stringify({ userId, sessionId: client.sessionId })}`) wrong.push(`${userId}: ${text}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    expect(wrong).toEqual([]);
    expect(answered).toBeGreaterThan(REQUESTS * 0.89);
    expect(answered).toBeLessThan(REQUESTS);
  });
});
