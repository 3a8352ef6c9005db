import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { send } from '../security/support/client.js';
import { sql } from '../security/support/rows.js';
import { flushTouches, forget } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { WhoamiGateway } from './support/gateways.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

describe('connections of a session that is used from elsewhere', () => {
  let node: TestApp;

  beforeAll(async () => {
    node = await startSocketApp({
      gateways: [WhoamiGateway],
      options: { drift: { address: 'step-up' }, trustProxyHops: 1 },
    });
  });
  afterAll(() => node.close());

  it('have what they send refused, and stay: the session is not over', async () => {
    const from = { 'X-Forwarded-For': '198.51.100.1' };
    const body = { userId: 'mover', transport: 'bearer' };
    const { id, token } = (await send(node.url, 'POST', '/sign-in', { body, headers: from })).body;
    const client = await SocketClient.connect(node.url, { auth: { token }, extraHeaders: from });
    expect(await client.ask('whoami')).toMatchObject({ userId: 'mover' });
    await flushTouches(node);
    // The user has authenticated again elsewhere.
    await sql(node, `UPDATE identity_session SET last_ip = '203.0.113.9' WHERE id = $1`, [id]);
    forget(node);
    const refused = new Promise((resolve) => client.socket.once('exception', resolve));
    client.socket.emit('whoami');
    expect(await refused).toMatchObject({ code: 'SESSION_NOT_FRESH', status: 403 });
    expect(client.told).toEqual([]);
    expect(client.socket.connected).toBe(true);
    client.close();
  });
});
