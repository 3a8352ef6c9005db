import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { Client, send } from './support/client.js';
import { expectProblem, expectRefused } from './support/expectations.js';
import { requestText, sendRaw } from './support/raw.js';
import { sql } from './support/rows.js';
import { Survivor } from './support/survivor.js';

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let behindProxy: TestApp;
  let survivor: Survivor;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    behindProxy = await startTestApp({ adapter, joins: node, options: { trustProxyHops: 2 } });
    survivor = await Survivor.on(node);
  });
  beforeEach(() => survivor.look());
  afterEach(async () => {
    await sql(node, `DELETE FROM identity_session WHERE user_id = 'guest'`);
    await survivor.isFine();
  });
  afterAll(async () => {
    await behindProxy.close();
    await node.close();
  });

  const signInWith = async (at: TestApp, headers: Record<string, string>): Promise<Client> => {
    const client = new Client(at.url);
    const answer = await client.request('POST', '/sign-in', { body: { userId: 'guest' }, headers });
    expect(answer.status).toBe(201);
    return client;
  };

  it('a user agent of 100 KB is refused by its size', async () => {
    const line = `User-Agent: ${'x'.repeat(100_000)}`;
    const body = JSON.stringify({ userId: 'guest' });
    for (const method of ['GET', 'POST']) {
      const { status } = await sendRaw(
        node,
        requestText(method, '/sign-in', [line, 'Content-Type: application/json'], body),
      );
      expectRefused({ status });
    }
  });

  it('a user agent as long as headers may be, or one of 90 KB that the application passes on, is cut', async () => {
    const long = `Mozilla/5.0 ${'('.repeat(14_000)}`;
    const fromHeader = await signInWith(node, { 'user-agent': long });
    expect((await fromHeader.get('/sessions/current')).body['userAgent']).toBe(long.slice(0, 512));
    const fromBody = new Client(node.url);
    await fromBody.signIn({ userId: 'guest', userAgent: 'é'.repeat(40_000), deviceName: '🙂'.repeat(2_000) });
    const { body } = await fromBody.get('/sessions/current');
    expect(body).toMatchObject({ userAgent: 'é'.repeat(512), deviceName: '🙂'.repeat(50) });
  });

  it('a user agent with markup is text in JSON, and its markup is in no device name', async () => {
    const markup = 'Slack/4.1 <script>alert(1)</script> "onload=x"';
    const client = await signInWith(node, { 'user-agent': markup });
    const answer = await client.get('/sessions/current');
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.body['userAgent']).toBe(markup);
    expect(String(answer.body['deviceName'])).not.toMatch(/[<>"]/);
  });

  it.each([
    ['an escape sequence', '\x1b[31mred'],
    ['a NUL', 'a\0b'],
    ['a bare CR', 'a\rb'],
    ['a bare LF and a status line', 'a\n\nHTTP/1.1 200 OK'],
    ['a DEL', 'a\x7fb'],
  ])('a user agent with %s is refused, or stored without splitting anything', async (_what, text) => {
    const lines = [`User-Agent: ${text}`, 'Content-Type: application/json'];
    const { status } = await sendRaw(node, requestText('POST', '/sign-in', lines, '{"userId":"guest"}'));
    expect([201, 400]).toContain(status);
  });

  it('control characters that the application passes on come back escaped, and NUL and lone surrogates replaced', async () => {
    const client = new Client(node.url);
    await client.signIn({ userId: 'guest', userAgent: 'a\r\nSet-Cookie: x=y\x1b[31m\0', deviceName: 'b\ud800\0' });
    const answer = await client.get('/sessions/current');
    expect(answer.setCookies).toEqual([]);
    expect(answer.body).toMatchObject({ userAgent: 'a\r\nSet-Cookie: x=y\x1b[31m\ufffd', deviceName: 'b\ufffd\ufffd' });
  });

  it('a thousand X-Forwarded-For entries count for nothing without configured hops', async () => {
    const client = await signInWith(node, { 'x-forwarded-for': '6.6.6.6, '.repeat(1_000) + '6.6.6.6' });
    expect((await client.get('/sessions/current')).body).toMatchObject({ initialIp: '127.0.0.1' });
  });

  it.each([
    ['the entry that the outermost of the hops wrote', `${'6.6.6.6, '.repeat(1_000)}8.8.8.8, 10.0.0.1`, '8.8.8.8'],
    ['nothing where there are fewer entries than hops', '6.6.6.6', '127.0.0.1'],
    ['nothing where the entry is no address', `6.6.6.6, <script>, 10.0.0.1`, null],
    ['nothing where the entry is empty', '6.6.6.6, , 10.0.0.1', null],
    ['nothing of commas', ','.repeat(10_000), null],
    ['nothing of a zone', 'fe80::1%eth0, 10.0.0.1', 'fe80::1'],
    ['the one spelling of an address', '2001:DB8:0:0:0:0:0:1, 10.0.0.1', '2001:db8::1'],
  ])('behind two proxies X-Forwarded-For gives %s', async (_what, forwarded, expected) => {
    const client = await signInWith(behindProxy, { 'x-forwarded-for': forwarded });
    expect((await client.get('/sessions/current')).body['initialIp']).toBe(expected);
  });

  it('headers of other frameworks and proxies change neither who nor where', async () => {
    const headers = {
      'x-original-url': '/admin/sessions',
      'x-rewrite-url': '/admin/sessions',
      'x-forwarded-user': 'admin',
      'x-user-id': 'admin',
      'x-session-id': survivor.client.sessionId,
      'x-forwarded-prefix': '/admin',
      forwarded: 'for=6.6.6.6;host=evil.example',
      'x-real-ip': '6.6.6.6',
      'content-type': 'text/plain',
    };
    expectProblem(await send(node.url, 'GET', '/me', { headers }), 'SESSION_MISSING');
    const { body } = await survivor.client.request('GET', '/sessions/current', { headers });
    expect(body).toMatchObject({ userId: 'survivor', lastIp: '127.0.0.1' });
  });

  it('requests that are two in one are refused', async () => {
    const smuggled = requestText('DELETE', '/sessions', [`Cookie: ${survivor.client.cookie ?? ''}`]);
    for (const lines of [
      ['Transfer-Encoding: chunked', `Content-Length: ${smuggled.length}`],
      ['Content-Length: 0', `Content-Length: ${smuggled.length}`],
      ['Transfer-Encoding: xchunked'],
    ]) {
      const head = ['GET /me HTTP/1.1', 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n');
      expectRefused(await sendRaw(node, head + smuggled));
    }
  });
});
