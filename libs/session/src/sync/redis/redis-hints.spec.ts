import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithOwnRedis, OwnRedis } from '../../../../../test/support/redis.js';
import { eventually } from '../../../../../test/security/support/time.js';
import { loadRedis } from '../../redis/load-redis.js';
import { RedisConnection } from '../../redis/redis-connection.js';
import { RedisHints } from './redis-hints.js';
import { Stopwatch } from '../../../../../test/support/stopwatch.js';

describeWithOwnRedis('hints by Redis', () => {
  let redis: OwnRedis;
  let channel: string;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    redis = await OwnRedis.start();
    channel = `${redis.namespace()}:hints`;
  });

  afterAll(async () => {
    for (const close of closing) await close();
    await redis.close();
  });

  async function connect(): Promise<RedisConnection> {
    return new RedisConnection(
      await loadRedis(),
      { url: redis.url, deadlineMs: 100 },
      { monotonic: () => performance.now(), random: Math.random, onLost: () => undefined, onRestored: () => undefined },
    );
  }

  /** What one node hears. */
  async function node(): Promise<{ hints: RedisHints; heard: string[]; opened: () => number }> {
    const commands = await connect();
    commands.open();
    const hints = new RedisHints(commands, await connect(), channel);
    const heard: string[] = [];
    let opened = 0;
    hints.open({ onOpen: () => (opened += 1), onMessage: (text) => heard.push(text) });
    closing.push(
      () => hints.close(),
      () => commands.close(),
    );
    await eventually(() => opened >= 1 && commands.isReady);
    return { hints, heard, opened: () => opened };
  }

  /** Sends until it was taken: a call that a busy machine leaves without an answer in time is given up, and may have been heard. */
  async function sendInTheEnd(hints: RedisHints, text: string): Promise<void> {
    await eventually(() =>
      hints.send(text).then(
        () => true,
        () => false,
      ),
    );
  }

  it('reach every node, the sender too', async () => {
    const [a, b] = [await node(), await node()];
    await sendInTheEnd(a.hints, 'hello');
    await eventually(() => a.heard.length > 0 && b.heard.length > 0);
    expect([a.heard[0], b.heard[0]]).toEqual(['hello', 'hello']);
  });

  it('come again after a restart, and say that they do', async () => {
    const { hints, heard, opened } = await node();
    await redis.kill();
    await expect(hints.send('lost')).rejects.toThrow();
    await redis.restart();
    await eventually(() => opened() >= 2);
    await sendInTheEnd(hints, 'again');
    await eventually(() => heard.length > 0);
    expect(new Set(heard)).toEqual(new Set(['again']));
  });

  it('come again after Redis did not answer for a while; meanwhile nothing waits longer than its deadline', async () => {
    const { hints, opened } = await node();
    redis.stall();
    const watch = new Stopwatch();
    await expect(hints.send('lost')).rejects.toThrow();
    expect(watch.stop()).toBeLessThan(1_000);
    await eventually(() =>
      hints.send('lost').then(
        () => false,
        (error: unknown) => String(error).includes('skipped'),
      ),
    );
    redis.resume();
    await sendInTheEnd(hints, 'again');
    await eventually(() => opened() >= 1);
  });

  it('of any kind and size are heard as they are if short, and as nothing if not', async () => {
    const { heard } = await node();
    const hostile = ['{"user":"*"}', 'x'.repeat(5_000_000), '\0\xff', '{'];
    for (const message of hostile) await redis.command('PUBLISH', channel, message);
    await eventually(() => heard.length === hostile.length);
    expect(heard[0]).toBe('{"user":"*"}');
    expect(heard[1]).toBe('');
  });

  it('do not keep a process from ending that stops while Redis is away', async () => {
    const { hints } = await node();
    redis.stall();
    const watch = new Stopwatch();
    await hints.close();
    expect(watch.stop()).toBeLessThan(1_000);
    redis.resume();
  });
});
