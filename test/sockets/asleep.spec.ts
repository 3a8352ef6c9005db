import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionMessenger } from 'nestjs-identity-session/sockets';
import { signedIn } from '../security/support/client.js';
import { followsLog, MovableClocks } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { until } from './support/cluster.js';
import { WhoamiGateway } from './support/gateways.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

const MAX_STALENESS_MS = 2_000;

describe.each(['disconnect', 'keep'] as const)('a process that wakes up (whenUnverifiable: %s)', (whenUnverifiable) => {
  const clocks = new MovableClocks();
  let node: TestApp;

  beforeAll(async () => {
    node = await startSocketApp({
      gateways: [WhoamiGateway],
      options: { clocks, maxStalenessMs: MAX_STALENESS_MS, tailIntervalMs: 100 },
      sockets: { adapter: 'none', whenUnverifiable },
    });
    await followsLog(node);
  });
  afterAll(() => node.close());

  /** @see test/nemesis: a message that waited for a stopped node came to a session that had long been revoked. */
  it('[row 59] sends to a connection only once it knows that nothing has happened to its session meanwhile', async () => {
    const { token } = await signedIn(node, { userId: 'sleeper', transport: 'bearer' });
    const client = await SocketClient.connect(node.url, { auth: { token } });
    const heard: unknown[] = [];
    client.socket.on('news', (news) => heard.push(news));
    const messenger = node.app.get(SessionMessenger);
    const tell = (news: string) => messenger.sendToUser({ userId: 'sleeper' }, 'news', news);

    expect(await tell('before')).toMatchObject({ outcome: 'reached', reached: 1 });
    clocks.advance(MAX_STALENESS_MS);
    // Before anything that waits for this process gets its turn.
    const asleep = tell('asleep');
    expect(await asleep).toMatchObject(
      whenUnverifiable === 'keep' ? { outcome: 'reached', failed: 0 } : { outcome: 'failed', reached: 0, failed: 1 },
    );
    await until('it has looked', async () => (await tell('after')).outcome === 'reached');
    await until('it has come', () => heard.includes('after'));
    expect(heard.includes('asleep')).toBe(whenUnverifiable === 'keep');
    expect(client.told).toEqual([]);
    client.close();
  });
});
