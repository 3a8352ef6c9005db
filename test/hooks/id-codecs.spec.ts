import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Body, Controller, Post, Req } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  AllowAnonymous,
  type IdentitySessionError,
  problemOf,
  SessionAdminService,
  SessionDataService,
  SessionIds,
  SessionService,
  sessionToJson,
  type SignInInput,
  type SignInResult,
  type TextCodec,
} from 'nestjs-identity-session';
import { resolveOptions } from '../../libs/session/src/nest/options/resolve-options.js';
import { routeTable } from '../../libs/session/src/nest/rest/routes.js';
import { type Answer, send, type Sending } from '../security/support/client.js';
import { sql } from '../security/support/rows.js';
import { WhoamiGateway } from '../sockets/support/gateways.js';
import { startSocketApp } from '../sockets/support/socket-app.js';
import { SocketClient } from '../sockets/support/socket-client.js';
import { idCodecs, typed } from '../docs/hooks.js';
import type { TestApp } from '../support/app.js';
import { until } from './support/until.js';

const KEY = randomBytes(16);
/** Codecs are the application's, and may fail after the start too. */
let isAway = false;
const mayFail: TextCodec = {
  encode(text) {
    if (isAway) throw new Error('The key is away.');
    return text;
  },
  decode: (text) => text,
};

/** A token holds the id: whoever hides ids from users hides it there too. */
const hidden: TextCodec = {
  encode(text) {
    const cipher = createCipheriv('aes-128-ctr', KEY, Buffer.alloc(16));
    return cipher.update(text, 'utf8', 'base64url') + cipher.final('base64url');
  },
  decode(text) {
    const cipher = createDecipheriv('aes-128-ctr', KEY, Buffer.alloc(16));
    return cipher.update(text, 'base64url', 'utf8') + cipher.final('utf8');
  },
};

const ID_CODECS = [mayFail, ...idCodecs(KEY).id];
const ENCODED = /^ses_[\w-]{22}$/;

/** Signs in whoever asks, with what clients are told of it. */
@Controller()
class EnterController {
  constructor(
    private readonly sessions: SessionService,
    private readonly ids: SessionIds,
  ) {}

  @AllowAnonymous()
  @Post('enter')
  async enter(@Body() input: SignInInput, @Req() request: unknown) {
    const { session, token, evicted } = await this.sessions.signIn(input, { request });
    const json = sessionToJson(session, session.id, this.ids);
    return { session: json, token, evicted: evicted.map((id) => this.ids.encode(id)) };
  }
}

describe('codecs of ids', () => {
  let app: TestApp;
  let receiver: Server;
  /** Whatever left the server. */
  const left: string[] = [];
  /** The module's routes that were asked. */
  const asked = new Set<string>();
  let admin: SignInResult;
  let ids: SessionIds;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        left.push(`webhook ${body}`);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const secrets = [`whsec_${randomBytes(32).toString('base64')}`];
    app = await startSocketApp({
      gateways: [WhoamiGateway],
      sockets: { anonymous: true },
      controllers: [EnterController],
      options: {
        codecs: { id: ID_CODECS, token: [hidden] },
        undo: { windowMs: 600_000 },
        tailIntervalMs: 50,
        policy: [{ scope: 'subject', limit: 1, whenFull: 'ask', exempt: ({ userId }) => userId !== 'picky' }],
        webhooks: [{ name: 'all', url, secrets, allowInsecure: true, allowPrivateAddresses: true }],
      },
    });
    ids = app.app.get(SessionIds);
    admin = await app.app.get(SessionService).signIn({ userId: 'admin' });
  });
  afterAll(async () => {
    await app.close();
    await new Promise((resolve) => receiver.close(resolve));
  });

  async function ask(
    method: string,
    path: string,
    { token }: { token: string },
    body?: unknown,
    headers: Sending['headers'] = {},
  ): Promise<Answer> {
    const answer = await send(app.url, method, path, {
      body,
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    left.push(answer.text, JSON.stringify(answer.headers));
    asked.add(`${method} ${patternOf(path.split('?')[0]!)}`);
    return answer;
  }
  const asAdmin = (method: string, path: string, body?: unknown, headers?: Sending['headers']): Promise<Answer> =>
    ask(method, path, admin, body, headers);
  /** What clients get of a sign-in; ids as they see them. */
  async function enter(input: SignInInput): Promise<{ id: string; token: string; evicted: string[] }> {
    const answer = await send(app.url, 'POST', '/enter', { body: input });
    left.push(answer.text);
    expect(answer.status).toBe(201);
    const { session, token, evicted } = answer.body as unknown as { session: { id: string } } & SignInResult;
    return { id: session.id, token, evicted: [...evicted] };
  }
  const idsIn = (answer: Answer): string[] => answer.body.items.map(({ id }) => id);

  describe('have every route name sessions by what they make of the ids', () => {
    it('to users', async () => {
      const [here, there] = [await enter({ userId: 'ann' }), await enter({ userId: 'ann' })];
      const list = await ask('GET', '/sessions', here);
      expect(idsIn(list).toSorted()).toEqual([here.id, there.id].toSorted());
      for (const id of idsIn(list)) expect(id).toMatch(ENCODED);
      expect((await ask('GET', '/sessions/current', here)).body).toMatchObject({ id: here.id, current: true });
      const renamed = await ask('PATCH', `/sessions/${there.id}`, here, { deviceName: 'Tablet' });
      expect(renamed.body).toMatchObject({ id: there.id, deviceName: 'Tablet' });
      expect((await ask('DELETE', `/sessions/${there.id}`, here)).status).toBe(204);
      expect((await ask('GET', '/sessions', there)).status).toBe(401);
      expect((await ask('DELETE', '/sessions', here)).body).toEqual({ revoked: 0 });
      // One's own leaves by the same name.
      expect((await ask('DELETE', `/sessions/${here.id}`, here)).status).toBe(204);
    });

    it('to administrators, page by page', async () => {
      const made = [];
      for (let n = 0; n < 5; n += 1) made.push((await enter({ userId: 'bob' })).id);
      const found: string[] = [];
      for (let cursor = ''; ;) {
        const page = await asAdmin('GET', `/admin/sessions?userId=bob&sort=createdAt&limit=2${cursor}`);
        expect(page.status).toBe(200);
        found.push(...idsIn(page));
        const { nextCursor } = page.body;
        if (nextCursor === null) break;
        left.push(Buffer.from(nextCursor, 'base64url').toString());
        cursor = `&cursor=${nextCursor}`;
      }
      expect(found).toEqual(made);
      const [one] = made as [string];
      expect(idsIn(await asAdmin('GET', '/admin/users/bob/sessions')).toSorted()).toEqual(made.toSorted());
      expect((await asAdmin('GET', `/admin/sessions/${one}`)).body.id).toBe(one);
      expect((await asAdmin('GET', `/admin/sessions/${one}/addresses`)).status).toBe(200);
      const csv = (await asAdmin('GET', '/admin/sessions.csv?userId=bob')).text;
      for (const id of made) expect(csv).toContain(`"${id}"`);
      expect((await asAdmin('POST', `/admin/sessions/${one}/suspend`, { reason: 'odd' })).body).toMatchObject({
        id: one,
      });
      expect((await asAdmin('POST', `/admin/sessions/${one}/resume`)).body).toMatchObject({
        id: one,
        status: 'active',
      });
      expect((await asAdmin('GET', `/admin/sessions/${one}/events`)).body.items).toHaveLength(3);
      const events = await asAdmin('GET', '/admin/users/bob/events');
      expect(new Set(events.body.items.map((item) => (item as unknown as { sessionId: string }).sessionId))).toEqual(
        new Set(made),
      );
      const text = await asAdmin('GET', '/admin/users/bob/events', undefined, { accept: 'text/plain' });
      expect(text.text).toContain(`session=${one} `);
      const [two, three, four, five] = made.slice(1) as [string, string, string, string];
      expect((await asAdmin('DELETE', `/admin/users/bob/sessions/${two}`)).status).toBe(204);
      const revoked = await asAdmin('POST', '/admin/sessions/revoke', {
        filter: { userId: 'bob', ids: [three, four] },
        except: [four],
        reason: 'lost',
      });
      expect(revoked.body).toMatchObject({ matched: 1, revoked: 1 });
      expect(idsIn(await asAdmin('GET', '/admin/users/bob/sessions')).toSorted()).toEqual([one, four, five].toSorted());
      expect((await asAdmin('DELETE', '/admin/users/bob/sessions')).body).toEqual({ revoked: 3 });
    });

    it('in jobs', async () => {
      const [gone, spared] = [await enter({ userId: 'cy' }), await enter({ userId: 'cy' })];
      const job = { kind: 'revoke', filter: { ids: [gone.id, spared.id] }, except: [spared.id], reason: 'lost' };
      const { status, body } = await asAdmin('POST', '/admin/jobs', job);
      expect([status, body]).toEqual([201, expect.objectContaining({ filter: job.filter, except: job.except })]);
      await until('it has ended', async () => {
        const now = await asAdmin('GET', `/admin/jobs/${body.id}`);
        expect(now.body).toMatchObject({ filter: job.filter, except: job.except });
        return now.body['finishedAt'] !== null;
      });
      expect((await asAdmin('GET', '/admin/jobs')).body.items[0]).toMatchObject({ filter: job.filter });
      expect(idsIn(await asAdmin('GET', '/admin/users/cy/sessions'))).toEqual([spared.id]);
      for (const step of ['approve', 'cancel']) await asAdmin('POST', `/admin/jobs/${body.id}/${step}`);
    });

    it('of sign-ins that wait, and of those that are asked which to end', async () => {
      const requirements = [{ name: 'boss', approvers: { mode: 'any', of: ['admin'] } }] as const;
      const waiting = await enter({ userId: 'dee', pending: { requirements } });
      const approved = await asAdmin('POST', `/admin/sessions/${waiting.id}/approve`, { requirement: 'boss' });
      expect(approved.body).toMatchObject({ id: waiting.id, status: 'pending' });
      const unwanted = await enter({ userId: 'dee', pending: { requirements } });
      const rejected = await asAdmin('POST', `/admin/sessions/${unwanted.id}/reject`, { reason: 'unknown' });
      expect(rejected.body).toMatchObject({ id: unwanted.id, status: 'rejected' });

      const first = await enter({ userId: 'picky' });
      const full = await send(app.url, 'POST', '/enter', { body: { userId: 'picky' } });
      left.push(full.text);
      const { sessions, ticket } = full.body as unknown as { sessions: { id: string }[]; ticket: string };
      expect([full.status, sessions.map(({ id }) => id)]).toEqual([409, [first.id]]);
      const malformed = { userId: 'picky', answer: { ticket, end: [first.id, 'ses_x'] } };
      const refused = await send(app.url, 'POST', '/enter', { body: malformed });
      expect(refused.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ field: 'answer.end.1' }] });
      // Applications may hand on what they were sent.
      for (const end of ['x', {}, [null], [['x']]]) {
        const strange = await send(app.url, 'POST', '/enter', { body: { userId: 'picky', answer: { ticket, end } } });
        expect([end, strange.status, strange.body.code]).toEqual([end, 400, 'VALIDATION_FAILED']);
      }
      expect(await enter({ userId: 'picky', answer: { ticket, end: [first.id] } })).toMatchObject({
        evicted: [first.id],
      });
    });

    it('of sessions that are brought back', async () => {
      const lost = await enter({ userId: 'picky', answer: undefined }).catch(() => undefined);
      expect(lost).toBeUndefined();
      const eve = await enter({ userId: 'eve' });
      expect((await asAdmin('DELETE', `/admin/sessions/${eve.id}?reason=mistake`)).status).toBe(204);
      const undone = await asAdmin('POST', `/admin/sessions/${eve.id}/undo`);
      expect(undone.body['session']).toMatchObject({ id: eve.id });
      const restored = await ask('POST', '/sessions/restore', eve);
      expect(restored.body['session']).toMatchObject({ id: expect.stringMatching(ENCODED), restoredFrom: eve.id });
      for (const accept of ['application/json', 'text/plain']) {
        const exported = await asAdmin('GET', '/admin/users/eve/export', undefined, { accept });
        expect(exported.text).toContain(eve.id);
      }
      expect((await asAdmin('POST', '/admin/cut-offs', { userId: 'eve', reason: 'moved' })).status).toBe(201);
      expect((await asAdmin('DELETE', '/admin/users/eve/data')).status).toBe(403);
      for (const path of ['/admin/stats', '/admin/settings', '/admin/settings/history']) await asAdmin('GET', path);
      await asAdmin('PUT', '/admin/settings', {});
      await asAdmin('DELETE', '/admin/settings');
    });

    it('on sockets', async () => {
      const fay = await enter({ userId: 'fay' });
      const client = await SocketClient.connect(app.url);
      const heard: unknown[] = [];
      client.socket.on('session:authenticated', (told) => heard.push(told));
      const answer = await client.ask('session:authenticate', { token: fay.token });
      expect([answer, ...heard]).toEqual([
        { sessionId: fay.id, userId: 'fay' },
        { sessionId: fay.id, userId: 'fay' },
      ]);
      expect((await asAdmin('DELETE', `/admin/sessions/${fay.id}`)).status).toBe(204);
      expect(await client.closed()).toMatchObject({ sessionId: fay.id, code: 'SESSION_REVOKED' });
      left.push(JSON.stringify([answer, heard, client.told]));
      client.close();
    });

    it('on sockets, which are closed all the same where they fail', async () => {
      const gil = await enter({ userId: 'gil' });
      const signedIn = await SocketClient.connect(app.url, { auth: { token: gil.token } });
      const waiting = await SocketClient.connect(app.url);
      isAway = true;
      try {
        // No connection has a session that its client was not told of.
        waiting.socket.emit('session:authenticate', { token: gil.token });
        await until('it was put away', () => !waiting.socket.connected);
        await app.app.get(SessionAdminService).revoke(ids.decode(gil.id), { reason: 'lost', by: 'admin' });
        expect(await signedIn.closed()).toMatchObject({ sessionId: '', code: 'SESSION_REVOKED' });
      } finally {
        isAway = false;
        for (const client of [signedIn, waiting]) client.close();
      }
    });
  });

  it('answer what they have not made as an unknown id: 404 in a path, 400 in a body, never 500', async () => {
    const { id } = await enter({ userId: 'gus' });
    const raw = ids.decode(id);
    const strange = [
      raw,
      id.slice(4),
      `ses_${id}`,
      `${id}A`,
      'ses_',
      'ses_AAAA',
      `ses_${'A'.repeat(22)}`,
      'x'.repeat(2_000),
    ];
    for (const text of strange) {
      const answer = await asAdmin('GET', `/admin/sessions/${text}`);
      expect([text, answer.status, answer.body.code]).toEqual([text, 404, 'SESSION_NOT_FOUND']);
      expect(answer.text).not.toContain(raw);
    }
    const body = { filter: { ids: [id, raw] }, except: ['ses_x'], reason: 'lost' };
    for (const path of ['/admin/sessions/revoke', '/admin/jobs']) {
      const given = path === '/admin/jobs' ? { ...body, kind: 'revoke' } : body;
      const answer = await asAdmin('POST', path, given);
      expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
      expect(answer.body['errors']).toEqual([{ field: 'filter.ids.1', message: 'is no session id' }]);
    }
    const cursor = Buffer.from(JSON.stringify({ s: '-createdAt', t: 1, i: raw })).toString('base64url');
    expect((await asAdmin('GET', `/admin/sessions?cursor=${cursor}`)).status).toBe(400);
    expect(await app.app.get(SessionAdminService).find(raw)).toMatchObject({ id: raw });
  });

  it('are in no refusal', async () => {
    const { id } = await enter({ userId: 'hal' });
    const data = app.app.get(SessionDataService);
    const raw = ids.decode(id);
    const refusalOf = async (change: Promise<unknown>): Promise<string> =>
      JSON.stringify(await change.then(String, (error: unknown) => problemOf(error as IdentitySessionError)));
    left.push(await refusalOf(data.set(raw, { a: 1 }, { ifVersion: 7 })));
    expect(left.at(-1)).toContain('SESSION_DATA_CONFLICT');
    await app.app.get(SessionAdminService).suspend(raw, { reason: 'odd', by: 'admin' });
    left.push(await refusalOf(data.set(raw, { a: 1 })));
    expect(left.at(-1)).toContain('SESSION_SUSPENDED');
    for (const text of left.slice(-2)) expect(text).not.toContain(raw);
  });

  it('are asked on every route that there is, and no id leaves as it is', async () => {
    const routes = Object.entries(routeTable(true)).flatMap(([path, methods]) =>
      methods.map((method) => `${method} ${path}`),
    );
    expect([...asked].toSorted()).toEqual(routes.toSorted());
    await until('the webhook has told of the last', () =>
      left.some((text) => text.includes('"type":"session.revoked"')),
    );
    const rows = await sql<{ id: string }>(app, 'SELECT id FROM identity_session');
    expect(rows.length).toBeGreaterThan(10);
    for (const { id } of rows) {
      for (const form of [id, id.replaceAll('-', ''), Buffer.from(id).toString('base64url').slice(0, -2)]) {
        expect(left.filter((text) => text.includes(form))).toEqual([]);
      }
    }
  });

  it('get any id back as it was, and take any text without throwing', () => {
    const chain = new SessionIds(ID_CODECS);
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(chain.decode(chain.encode(id))).toBe(id);
        expect(chain.encode(id)).toMatch(ENCODED);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void chain.decode(text)));
    // Node.js reads base64url past what is none.
    const one = chain.encode('01890000-0000-7000-8000-000000000000');
    for (const text of [`${one}==`, `${one}!`, `${one}\n`, ` ${one}`, `${one.slice(0, 9)}\u00e9${one.slice(9)}`]) {
      expect([text, chain.decode(text)]).toEqual([text, '']);
    }
    const plain = new SessionIds();
    expect([plain.encode('x'), plain.decode('x')]).toEqual(['x', 'x']);
  });

  let count = 0;
  it.each<[string, Partial<TextCodec>]>([
    ['name one in two ways', { encode: (id) => `${id}.${(count += 1)}`, decode: (text) => text.slice(0, 36) }],
    ['decode to something else', { decode: (text) => text }],
    ['make what no path carries', { encode: (id) => `${id}/`, decode: (text) => text.slice(0, -1) }],
    ['make what a spreadsheet carries out', { encode: (id) => `-${id}`, decode: (text) => text.slice(1) }],
    // As a parameter of a path, Fastify answers 414.
    ['make too much', { encode: (id) => 'x'.repeat(65) + id, decode: (text) => text.slice(65) }],
    ['name all alike', { encode: () => 'one', decode: () => '01890000-0000-7000-8000-000000000000' }],
    ['have no decode', { decode: undefined as never }],
  ])('are refused at start where they %s', (_, codec) => {
    expect(() => resolveOptions({ codecs: { id: [{ ...typed, ...codec }] } })).toThrow(/codecs\.id/);
  });
});

/** The route of a path; of two the one that names more. */
function patternOf(path: string): string {
  const segments = path.split('/');
  const fits = (route: string): boolean => {
    const parts = route.split('/');
    return parts.length === segments.length && parts.every((part, n) => part.startsWith(':') || part === segments[n]);
  };
  const [named = path] = Object.keys(routeTable(true))
    .filter(fits)
    .toSorted((a, b) => a.split(':').length - b.split(':').length);
  return named;
}
