import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LoggerService } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionAdminService, SessionDeadLetters, SessionService, type WebhookOptions } from 'nestjs-identity-session';
import { resolveOptions } from '../../libs/session/src/nest/options/resolve-options.js';
import { isSpecialAddress } from '../../libs/session/src/nest/webhooks/special-addresses.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from './support/until.js';

const secretOf = (key: Buffer): string => `whsec_${key.toString('base64')}`;
const KEYS = [randomBytes(32), randomBytes(24)];

interface Posted {
  readonly path: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

describe('webhooks', () => {
  const posted: Posted[] = [];
  const logged: string[] = [];
  let answers: [status: number, headers?: Record<string, string>][] = [];
  let receiver: Server;
  let app: TestApp;
  let token: string;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        posted.push({ path: request.url, headers: request.headers, body });
        const [status, headers] = answers.shift() ?? [204];
        response.writeHead(status, headers).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    const common = { secrets: KEYS.map(secretOf), types: ['revoked'] as const, allowInsecure: true };
    const webhooks: WebhookOptions[] = [
      { ...common, name: 'crm', url: `http://127.0.0.1:${port}/hook`, allowPrivateAddresses: true },
      { ...common, name: 'written', url: `http://127.0.0.1:${port}/never` },
      { ...common, name: 'named', url: `http://localhost:${port}/never` },
    ];
    const keep = (text: unknown): void => {
      logged.push(String(text));
    };
    const logger: LoggerService = { log: keep, warn: keep, error: keep };
    const listeners = { retryMs: 1, maxAttempts: 3 };
    app = await startTestApp({ logger, options: { webhooks, listeners, tailIntervalMs: 50 } });
  });

  afterAll(async () => {
    await app.close();
    await new Promise((resolve) => receiver.close(resolve));
  });

  it('are posted with a signature of each secret, again after a failure, and never to where a redirect leads', async () => {
    answers = [[500], [307, { Location: '/elsewhere' }]];
    const signedIn = await app.app.get(SessionService).signIn({ userId: 'ann', data: { card: 'private' } });
    ({ token } = signedIn);
    await app.app.get(SessionAdminService).revoke(signedIn.session.id, { reason: 'lost', by: 'root' });
    await until('it is delivered', () => posted.length >= 3);
    expect(posted.map(({ path }) => path)).toEqual(['/hook', '/hook', '/hook']);
    for (const { headers, body } of posted) {
      const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
      const signatures = KEYS.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`);
      expect(headers['webhook-signature']).toBe(signatures.join(' '));
      expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(60);
    }
    expect(new Set(posted.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(JSON.parse(posted[2]!.body)).toEqual({
      type: 'session.revoked',
      timestamp: expect.any(String),
      data: {
        sessionId: signedIn.session.id,
        userId: 'ann',
        tenantId: null,
        version: 2,
        reason: 'lost',
        actor: 'root',
        at: expect.any(String),
      },
    });
  });

  it('go to no private address, written out or by name, and tell no secret', async () => {
    const letters = app.app.get(SessionDeadLetters);
    await until('both are given up', async () => (await letters.list()).length >= 2);
    const found = await letters.list();
    expect(found.map(({ listener }) => listener).sort()).toEqual(['webhook:named', 'webhook:written']);
    for (const { error } of found) expect(error).toContain('private or special address');
    expect(posted.filter(({ path }) => path === '/never')).toEqual([]);
    const everything = JSON.stringify([logged, found, posted]);
    for (const secret of [...KEYS.map((key) => key.toString('base64')), token, 'private"']) {
      expect(everything).not.toContain(secret);
    }
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    '0.0.0.0',
  ])('know %s for special', (address) => {
    expect(isSpecialAddress(address)).toBe(true);
  });

  it.each(['8.8.8.8', '2606:4700:4700::1111'])('know %s for public', (address) => {
    expect(isSpecialAddress(address)).toBe(false);
  });

  it.each([
    [{ url: 'http://example.com' }, 'must begin with https://'],
    [{ url: 'https://me:secret@example.com' }, 'neither user nor password'],
    [{ secrets: ['whsec_c2hvcnQ='] }, 'at least 24 bytes'],
    [{ secrets: [] }, 'webhooks.0.secrets'],
    [{ timeoutMs: 30_000 }, 'must be below listeners.deadlineMs (30000)'],
  ])('are refused at start: %j', (wrong, message) => {
    const webhook = { name: 'crm', url: 'https://example.com/hook', secrets: KEYS.map(secretOf), ...wrong };
    expect(() => resolveOptions({ webhooks: [webhook] })).toThrow(message);
  });
});
