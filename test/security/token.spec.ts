import { createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import type { LoggerService } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MemorySessionCache } from '../../libs/session/src/cache/memory-session-cache.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, Client, presenting, signedIn } from './support/client.js';
import { ElevateController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { dump, sql } from './support/rows.js';

const TOKEN = /^ids_([0-9a-f-]{36})\.0\.([A-Za-z0-9_-]{43})$/;

/** What is secret in a token, and what is hashed of it. */
function partsOf(token: string): { readonly secret: string; readonly body: string } {
  const body = token.slice('ids_'.length);
  return { body, secret: body.slice(body.lastIndexOf('.') + 1) };
}

/** A text as it, or its bytes, could have been stored. */
function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const decoded = Buffer.from(text, 'base64url');
  const encodings = ['hex', 'base64', 'base64url'] as const;
  const encoded = encodings.flatMap((encoding) => [bytes.toString(encoding), decoded.toString(encoding)]);
  return [text, ...encoded, ...encoded.map((form) => Buffer.from(form).toString('hex'))];
}

class RecordingLogger implements LoggerService {
  readonly lines: unknown[][] = [];
  log = (...line: unknown[]) => this.lines.push(line);
  error = this.log;
  warn = this.log;
  debug = this.log;
  verbose = this.log;
  fatal = this.log;
}

describe.each(ADAPTERS)('on %s', (adapter) => {
  const logger = new RecordingLogger();
  let node: TestApp;

  beforeAll(async () => {
    const options = { policy: [{ scope: 'deviceType', limit: 1, whenFull: 'evict-oldest' }] } as const;
    node = await startTestApp({ adapter, logger, options, controllers: [ElevateController] });
  });
  afterAll(() => node.close());

  it('[row 1] a token carries 256 random bits beside the public id, anew with each sign-in', async () => {
    const secrets = new Set<string>();
    for (let count = 0; count < 48; count++) {
      const client = await signedIn(node, { userId: 'many' });
      const [, id, secret = ''] = TOKEN.exec(client.token) ?? [];
      expect(id).toBe(client.sessionId);
      expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
      secrets.add(secret);
    }
    expect(secrets.size).toBe(48);
    // Each bit is set in some secret and clear in another: nothing of it is constant.
    const all = [...secrets].map((secret) => Buffer.from(secret, 'base64url'));
    const union = all.reduce((a, b) => Buffer.from(a.map((byte, index) => byte | (b[index] ?? 0))));
    const common = all.reduce((a, b) => Buffer.from(a.map((byte, index) => byte & (b[index] ?? 0))));
    expect(union).toEqual(Buffer.alloc(32, 0xff));
    expect(common).toEqual(Buffer.alloc(32, 0x00));
  });

  it('[row 2] the public id is no credential, however it is presented', async () => {
    const { sessionId: id } = await signedIn(node, { userId: 'public' });
    for (const text of [id, `ids_${id}`, `ids_${id}.0`, `ids_${id}.0.`, `ids_${id}.0.${id}`]) {
      expectProblem(await presenting(node, text).me(), 'SESSION_INVALID');
      const browser = new Client(node.url);
      browser.cookie = `session=${text}`;
      expectProblem(await browser.me(), 'SESSION_INVALID');
    }
  });

  it('[row 2] no list, answer, error or log line carries the token', async () => {
    const user = await signedIn(node, { userId: 'quiet', deviceType: 'web' });
    const admin = await signedIn(node, { userId: 'admin' });
    const { token } = user;
    const { secret } = partsOf(token);
    const wrong = presenting(node, `${token.slice(0, -2)}AA`);
    const answers: Answer[] = [
      await user.me(),
      await user.get('/sessions'),
      await user.get('/sessions/current'),
      await user.patch(`/sessions/${user.sessionId}`, { deviceName: 'mine' }),
      await user.get(`/admin/sessions`),
      await admin.get('/admin/sessions?userId=quiet'),
      await admin.get(`/admin/sessions/${user.sessionId}`),
      await admin.get('/admin/users/quiet/sessions'),
      await wrong.me(),
      await user.del(`/sessions/${token}`),
      await new Client(node.url).get(`/me?token=${token}`),
      await user.del('/sign-out'),
      await presenting(node, token).me(),
    ];
    expect(answers.map(({ text, headers }) => text + JSON.stringify(headers)).join('\n')).not.toContain(secret);
    expect(inspect(logger.lines, { depth: null, maxStringLength: null, maxArrayLength: null })).not.toContain(secret);
  });

  it('[row 3] the token is nowhere in the database or the cache, in no encoding; only its SHA-256 is', async () => {
    const first = await signedIn(node, { userId: 'stored', deviceType: 'web' });
    const tokens = [first.token];
    const evictor = await signedIn(node, { userId: 'stored', deviceType: 'web' });
    tokens.push(evictor.token);
    await evictor.post('/elevate', { assurance: 'aal2' });
    tokens.push(evictor.token);
    await evictor.patch(`/sessions/${evictor.sessionId}`, { deviceName: 'named' });
    const cached = inspect(node.app.get(MemorySessionCache, { strict: false }).get(evictor.sessionId), { depth: null });
    const signedOut = await signedIn(node, { userId: 'stored', deviceType: 'mobile' });
    tokens.push(signedOut.token);
    await signedOut.del('/sign-out');

    const stored = await dump(node);
    expect(tokens).toHaveLength(new Set(tokens).size);
    for (const { secret, body } of tokens.map(partsOf)) {
      for (const form of [...formsOf(secret), ...formsOf(body)]) {
        expect(stored).not.toContain(form);
        expect(cached).not.toContain(form);
      }
    }
    const digest = createHash('sha256').update(partsOf(evictor.token).body).digest('hex');
    expect(stored).toContain(digest);
    expect(cached).toContain('tokenDigest');
  });

  it('[row 3] the digest presented as a token is refused', async () => {
    const { sessionId: id, token } = await signedIn(node, { userId: 'stolen-dump' });
    const [row] = await sql<{ digest: Buffer }>(
      node,
      'SELECT token_digest AS digest FROM identity_session WHERE id = $1',
      [id],
    );
    const digest = row?.digest ?? Buffer.alloc(0);
    expect(digest).toHaveLength(32);
    for (const text of [digest.toString('hex'), digest.toString('base64'), digest.toString('base64url')]) {
      for (const presented of [text, `ids_${text}`, `ids_${id}.0.${text}`, `\\x${text}`]) {
        expectProblem(await presenting(node, presented).me(), 'SESSION_INVALID');
      }
    }
    expect(await presenting(node, token).alive()).toBe(200);
  });

  it('[row 4] the id only finds the row: whoever lacks one bit of the secret or its generation is refused', async () => {
    const { sessionId: id, token } = await signedIn(node, { userId: 'compared' });
    const { secret } = partsOf(token);
    const flipped = Buffer.from(secret, 'base64url');
    flipped.writeUInt8(flipped.readUInt8(31) ^ 0x01, 31);
    const other = await signedIn(node, { userId: 'somebody-else' });
    for (const body of [
      `${id}.0.${flipped.toString('base64url')}`,
      `${id}.0.${randomBytes(32).toString('base64url')}`,
      `${id}.1.${secret}`,
      `${other.sessionId}.0.${secret}`,
    ]) {
      expectProblem(await presenting(node, `ids_${body}`).me(), 'SESSION_INVALID');
    }
    expect(await presenting(node, token).alive()).toBe(200);
  });
});
