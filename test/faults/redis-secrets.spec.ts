import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SessionService } from 'nestjs-identity-session';
import { describeWithOwnRedis, OwnRedis } from '../support/redis.js';
import { eventually } from '../security/support/time.js';
import { RedisNodes } from './redis-nodes.js';

/** Everything that anybody says to a Redis, as it says it itself. */
async function monitor(redis: OwnRedis): Promise<{ heard: () => string; stop: () => void }> {
  const { hostname, port } = new URL(redis.url);
  let heard = '';
  const socket = connect(Number(port), hostname);
  socket.on('data', (chunk) => (heard += chunk.toString('latin1')));
  socket.write('MONITOR\r\n');
  await eventually(() => heard.includes('+OK'));
  return { heard: () => heard, stop: () => socket.destroy() };
}

describeWithOwnRedis('what is in Redis', () => {
  let redis: OwnRedis;
  let nodes: RedisNodes;
  let namespace: string;

  beforeAll(async () => {
    redis = await OwnRedis.start();
    namespace = redis.namespace();
    nodes = await RedisNodes.start({
      redis: { url: redis.url, namespace, deadlineMs: 5_000 },
      tokenKeys: [{ id: 'k1', secret: new Uint8Array(32).fill(9) }],
    });
    await nodes.hintsArrive();
  });

  afterAll(async () => {
    await nodes.close();
    await redis.close();
  });

  it('[rows 3, 65] is no token and no part of one: no key, no value, no message', async () => {
    const { heard, stop } = await monitor(redis);
    const session = await nodes.signIn('alice');
    await nodes.me(nodes.b, session);
    const key = `${namespace}:s1:{${session.id}}`;
    await eventually(async () => {
      nodes.startCold();
      await nodes.me(nodes.b, session);
      return (await redis.command('EXISTS', key)) === 1;
    });
    await nodes.a.app.get(SessionService, { strict: false }).find(session.id);
    await nodes.revokeAndWatch(await nodes.signIn('bob'));
    let held = '';
    for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
      const [next, keys] = (await redis.command('SCAN', cursor)) as [string, string[]];
      cursor = next;
      for (const name of keys) held += `${name} ${(await redis.command('GET', name)) as string}\n`;
    }
    stop();
    const everything = heard() + held;
    // It has seen what it should have: keys, values and messages.
    expect(held).toContain(session.id);
    expect(heard()).toContain(`"PUBLISH" "${namespace}:hints" ""`);
    expect(heard()).toContain('EVALSHA');
    const [, , secret] = session.token.split('.');
    expect(secret).toHaveLength(43);
    for (const part of [session.token, secret!]) expect(everything).not.toContain(part);
  });

  it('makes nobody somebody else: what another session’s value says, or a forged one, is not believed', async () => {
    const [alice, mallory] = [await nodes.signIn('alice'), await nodes.signIn('mallory')];
    const keyOf = ({ id }: { id: string }) => `${namespace}:s1:{${id}}`;
    await eventually(async () => {
      nodes.startCold();
      for (const session of [alice, mallory]) await nodes.me(nodes.b, session);
      return (await redis.command('EXISTS', keyOf(alice), keyOf(mallory))) === 2;
    });
    const genuine = (await redis.command('GET', keyOf(mallory))) as string;
    const forged = genuine.replace('"userId":"mallory"', '"userId":"admin"');
    expect(forged).not.toBe(genuine);
    for (const [session, value] of [
      [mallory, forged],
      [mallory, forged.replace(/ k1\.\S+\n/, ' -\n')],
      [alice, genuine],
    ] as const) {
      await redis.command('SET', keyOf(session), value);
      nodes.startCold();
      for (const node of [nodes.a, nodes.b]) expect(await nodes.me(node, session)).toEqual([200, session.userId]);
    }
  });
});
