import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '../support/any-text.js';
import { SessionChecker, SessionService, type TextCodec } from 'nestjs-identity-session';
import { CodecChain, CREDENTIAL_FORM } from '../../libs/session/src/core/codec.js';
import { parseToken, TokenMint } from '../../libs/session/src/core/token.js';
import { resolveOptions } from '../../libs/session/src/nest/options/resolve-options.js';
import { signedIn } from '../security/support/client.js';
import { WhoamiGateway } from '../sockets/support/gateways.js';
import { startSocketApp } from '../sockets/support/socket-app.js';
import { SocketClient } from '../sockets/support/socket-client.js';
import type { TestApp } from '../support/app.js';

const KEY = randomBytes(32);
const [IV_BYTES, TAG_BYTES] = [12, 16];

/** Throws for whatever it has not made, as ciphers do. */
const encrypted: TextCodec = {
  encode(text) {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', KEY, iv);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
  },
  decode(text) {
    const bytes = Buffer.from(text, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', KEY, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  },
};

const versioned: TextCodec = {
  encode: (text) => `v1.${text}`,
  decode: (text) => (text.startsWith('v1.') ? text.slice(3) : undefined),
};

const CODECS = [encrypted, versioned];

describe('codecs of tokens', () => {
  let app: TestApp;
  let token: string;

  beforeAll(async () => {
    app = await startSocketApp({ gateways: [WhoamiGateway], options: { codecs: { token: CODECS } } });
    ({ token } = (await signedIn(app, { userId: 'ann', transport: 'bearer' })) as { token: string });
  });
  afterAll(() => app.close());

  const me = (headers: Record<string, string>) => fetch(`${app.url}/me`, { headers });
  const bearer = (presented: string) => me({ authorization: `Bearer ${presented}` });
  const unwrapped = (): string => encrypted.decode(token.slice(3))!;

  it('wrap every token that leaves, in order, and take the wrapping off in reverse', async () => {
    expect(token).toMatch(/^v1\.[\w-]+$/);
    expect(parseToken(unwrapped())).toBeDefined();
    expect((await bearer(token)).status).toBe(200);
    const cookieUser = await signedIn(app, { userId: 'bob' });
    expect(cookieUser.cookie).toMatch(/session=v1\./);
    expect((await me({ cookie: cookieUser.cookie! })).status).toBe(200);
    const client = await SocketClient.connect(app.url, { auth: { token } });
    expect(await client.ask('whoami')).toMatchObject({ userId: 'ann' });
    client.close();
  });

  it('wrap what follows a rotation, and let a session be signed out', async () => {
    const sessions = app.app.get(SessionService);
    const { token: first, session } = await sessions.signIn({ userId: 'cy' });
    const rotated = await sessions.rotate(session, { reason: 'test' });
    expect(rotated.token).toMatch(/^v1\./);
    expect((await bearer(first)).status).toBe(401);
    expect((await bearer(rotated.token)).status).toBe(200);
    await sessions.signOut({ request: { headers: { authorization: `Bearer ${rotated.token}` } } });
    expect((await bearer(rotated.token)).status).toBe(401);
    const mint = new TokenMint([], undefined, CODECS);
    const old = mint.read(mint.mint(session.id, 3).token)!;
    const successors = [mint.derive(old, randomBytes(16)), mint.derive(old, randomBytes(16))];
    for (const next of successors) expect(mint.read(next.token)).toMatchObject({ id: session.id, generation: 4 });
  });

  it('answer what they have not made as they answer what is no token: 401, at once, and never 500', async () => {
    const tampered = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const presented of [
      unwrapped(),
      tampered,
      'v1.',
      'v1.AAAA',
      token.slice(3),
      `v1.${token}`,
      'x'.repeat(8_000),
    ]) {
      const answer = await bearer(presented);
      expect([presented.slice(0, 20), answer.status]).toEqual([presented.slice(0, 20), 401]);
      expect(await answer.json()).toMatchObject({ code: 'SESSION_INVALID' });
      // No promise: nothing was asked of anybody.
      expect(app.app.get(SessionChecker).verify(presented)).toMatchObject({ error: { code: 'SESSION_INVALID' } });
      const client = SocketClient.open(app.url, { auth: { token: presented } });
      expect(await client.outcome()).toMatchObject({ code: 'SESSION_INVALID' });
      client.close();
    }
  });

  it('get any text back as it was, and take any text without throwing', () => {
    const chain = new CodecChain(CODECS, CREDENTIAL_FORM);
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        fc.pre(text.isWellFormed());
        expect(chain.decode(chain.encode(text))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(anyText(), (text) => {
        expect(chain.decode(text)).toBeUndefined();
      }),
    );
  });

  const broken = (codec: Record<string, unknown>) => ({ ...versioned, ...codec });

  it.each([
    ['decode to something else', broken({ decode: (text: string) => text })],
    [
      'throw',
      broken({
        encode: () => {
          throw new Error('no key');
        },
      }),
    ],
    ['answer promises', broken({ encode: (text: string) => Promise.resolve(text) })],
    ['decode with promises', broken({ decode: (text: string) => Promise.resolve(text.slice(3)) })],
    [
      'make what no cookie carries',
      { encode: (text: string) => `${text};`, decode: (text: string) => text.slice(0, -1) },
    ],
    [
      'make too much',
      { encode: (text: string) => 'x'.repeat(5_000) + text, decode: (text: string) => text.slice(5_000) },
    ],
    ['have no decode', { encode: String } as unknown as TextCodec],
  ])('are refused at start where they %s', (_, codec) => {
    expect(() => resolveOptions({ codecs: { token: [versioned, codec] } })).toThrow(/codecs\.token/);
  });
});
