import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SessionHealth } from 'nestjs-identity-session';
import { describeWithOwnRedis, OwnRedis } from '../support/redis.js';
import { eventually } from '../security/support/time.js';
import { RedisNodes, type SignedIn } from './redis-nodes.js';
import { Stopwatch } from '../support/stopwatch.js';

const USERS = 20;
const DEADLINE_MS = 100;
/** Well below the stall, which nobody may wait for; a call takes `DEADLINE_MS`, the rest is for a busy machine. */
const BOUND_MS = 4_000;
const TAIL_INTERVAL_MS = 500;
/** So long that the log is of no help. */
const FAR_APART_MS = 20_000;

describeWithOwnRedis('two nodes whose Redis', () => {
  let redis: OwnRedis;
  let nodes: RedisNodes;
  let users: SignedIn[];
  let revoked: SignedIn[];

  beforeAll(async () => {
    redis = await OwnRedis.absent();
    nodes = await RedisNodes.start({
      redis: { url: redis.url, namespace: redis.namespace(), deadlineMs: DEADLINE_MS },
      tailIntervalMs: TAIL_INTERVAL_MS,
    });
    users = await Promise.all(Array.from({ length: USERS }, (_, n) => nodes.signIn(`user-${n}`)));
    revoked = [];
  });

  afterAll(async () => {
    await nodes.close();
    await redis.close();
  });

  /** Everybody is known and nobody else, in time, whether the nodes have it in memory or not. */
  async function isRight(): Promise<void> {
    for (const isCold of [true, false]) {
      if (isCold) nodes.startCold();
      nodes.slowestMs = 0;
      for (const node of [nodes.a, nodes.b]) {
        expect(await Promise.all(users.map((user) => nodes.me(node, user)))).toEqual(
          users.map(({ userId }) => [200, userId]),
        );
        for (const user of revoked) expect(await nodes.me(node, user)).toEqual([401, undefined]);
      }
      expect(nodes.slowestMs).toBeLessThan(BOUND_MS);
    }
  }

  /** What one node revokes the other refuses, for good. */
  async function revokes(withinMs: number): Promise<void> {
    const victim = await nodes.signIn('victim');
    expect(await nodes.revokeAndWatch(victim)).toBeLessThan(withinMs);
    revoked.push(victim);
  }

  it('is absent when they start: they start, serve, and say that hints are cut', async () => {
    await isRight();
    await revokes(TAIL_INTERVAL_MS + BOUND_MS);
    await eventually(async () => {
      const { status, checks } = await nodes.a.app.get(SessionHealth).check();
      expect(status).toBe('ok');
      return checks['hints']?.status === 'degraded';
    });
  });

  it('comes later: hints arrive, and nodes find what others know', async () => {
    await redis.restart();
    await nodes.hintsArrive();
    await isRight();
    const shared = () => nodes.metric(nodes.b, 'lookups_total', { level: 'shared' });
    const before = shared();
    await eventually(async () => {
      await isRight();
      return shared() > before;
    });
    expect((await nodes.a.app.get(SessionHealth).check()).checks['hints']).toMatchObject({ status: 'ok' });
  });

  it('[row 25] carries hints: what one revokes the other refuses within milliseconds', async () => {
    const options = { redis: { url: redis.url, namespace: redis.namespace(), deadlineMs: 5_000 } };
    const hearing = await RedisNodes.start({ ...options, tailIntervalMs: FAR_APART_MS });
    await hearing.hintsArrive();
    const delays: number[] = [];
    for (let n = 0; n < 20; n += 1) delays.push(await hearing.revokeAndWatch(await hearing.signIn('victim')));
    await hearing.close();
    delays.sort((x, y) => x - y);
    // Half of the tail's interval is what the log alone would take: none was left to it.
    expect(delays[10]).toBeLessThan(200);
    expect(delays[19]).toBeLessThan(FAR_APART_MS / 4);
  });

  it('is emptied of everything', async () => {
    await isRight();
    await redis.flush();
    await isRight();
    await revokes(BOUND_MS);
    await isRight();
  });

  it('is full', async () => {
    await redis.limitMemory(1);
    await isRight();
    await revokes(TAIL_INTERVAL_MS + BOUND_MS);
    await isRight();
    await redis.limitMemory(0);
    await isRight();
  });

  it('is stalled for five seconds, and answers again', async () => {
    redis.stall();
    const until = performance.now() + 5_000;
    while (performance.now() < until) await isRight();
    await revokes(TAIL_INTERVAL_MS + BOUND_MS);
    redis.resume();
    await isRight();
    await nodes.hintsArrive();
    await isRight();
  });

  it('is killed, and comes back empty', async () => {
    await redis.kill();
    await isRight();
    await revokes(TAIL_INTERVAL_MS + BOUND_MS);
    await redis.restart();
    await isRight();
    await nodes.hintsArrive();
    await isRight();
  });

  it('[rows 23, 24] is set back to what it was before a revocation, by whoever had kept it', async () => {
    const victim = await nodes.signIn('victim');
    const key = `${await namespaceOf(redis)}:s1:{${victim.id}}`;
    // A write that a busy machine leaves without an answer in time is not made again by itself.
    await eventually(async () => {
      nodes.startCold();
      await nodes.me(nodes.b, victim);
      return (await redis.command('EXISTS', key)) === 1;
    });
    const before = (await redis.command('GET', key)) as string;
    await nodes.revokeAndWatch(victim);
    revoked.push(victim);
    await redis.command('SET', key, before);
    await isRight();
  });

  it('is told the strangest things by others: what is planted, and what is published', async () => {
    const namespace = await namespaceOf(redis);
    const values = ['', '{', '1 1 1 -\n{}', 'x'.repeat(1_000_000), '\0\xff', JSON.stringify({ userId: '*' })];
    for (const [n, { id }] of users.entries()) {
      const key = `${namespace}:s1:{${id}}`;
      await redis.command('DEL', key);
      if (n % 4 === 0) await redis.command('RPUSH', key, 'x');
      else await redis.command('SET', key, values[n % values.length]!);
    }
    await isRight();
    const reads = nodes.metric(nodes.b, 'tail_reads_total');
    const since = performance.now();
    const messages = ['{', '{"user":"*"}', 'probe:', 'x'.repeat(5_000_000), '{"v":99,"revoke":"*"}'];
    for (let n = 0; n < 20; n += 1)
      await redis.command('PUBLISH', `${namespace}:hints`, messages[n % messages.length]!);
    await isRight();
    // One small read each at most, those of the hints that nodes send each other, and those that come by themselves.
    const byThemselves = Math.ceil((performance.now() - since) / TAIL_INTERVAL_MS);
    expect(nodes.metric(nodes.b, 'tail_reads_total') - reads).toBeLessThan(36 + byThemselves);
  });

  it('is stalled while they stop: they stop in time', async () => {
    const options = { redis: { url: redis.url }, tailIntervalMs: TAIL_INTERVAL_MS };
    const others = await RedisNodes.start(options);
    await others.hintsArrive();
    redis.stall();
    const watch = new Stopwatch();
    await others.close();
    expect(watch.stop()).toBeLessThan(5_000);
    redis.resume();
  });
});

async function namespaceOf(redis: OwnRedis): Promise<string> {
  let channel: string | undefined;
  // Nodes that have just come back may not listen yet.
  await eventually(async () => {
    [channel] = (await redis.command('PUBSUB', 'CHANNELS', 'test-*')) as string[];
    return channel !== undefined;
  });
  return channel!.replace(/:hints$/, '');
}
