import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AccountEvents,
  type AdministrationAction,
  HookRefusal,
  type Session,
  SessionAdminService,
  type SessionAccessPolicy,
  type SessionHooks,
  type SessionScope,
  SessionService,
  type SignInHookContext,
  type SignInInput,
} from 'nestjs-identity-session';
import { DataSource } from 'typeorm';
import { until } from '../hooks/support/until.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, Client, presenting, send, signedIn, type SignInRequest } from './support/client.js';
import { RotateController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { setRow, sql } from './support/rows.js';

/** `admin` administrates everybody, `warden` as well; everybody else what is theirs. */
class Rules implements SessionAccessPolicy {
  scopeFor({ userId, tenantId }: Session, _action: AdministrationAction): SessionScope | null {
    return userId === 'admin' || userId === 'warden' ? { kind: 'all' } : { kind: 'user', userId, tenantId };
  }
}

/** Refuses whoever is called unwanted, and remembers what it was asked. */
class Watcher implements SessionHooks {
  static readonly seen: string[] = [];

  beforeSignIn({ userId }: SignInInput, { restoredFrom }: SignInHookContext): HookRefusal | undefined {
    if (restoredFrom !== undefined) Watcher.seen.push(`restore ${userId}`);
    return restoredFrom !== undefined && userId === 'unwanted' ? new HookRefusal('not today') : undefined;
  }

  beforeChange({ kind, userId }: { readonly kind: string; readonly userId: string }): void {
    if (kind === 'undo') Watcher.seen.push(`undo ${userId}`);
  }
}

const WINDOW_MS = 600_000;

/** Until a statement on the node's database waits for a lock. */
async function untilWaiting(node: TestApp): Promise<void> {
  await until('a statement waits', async () => {
    const waiting = await sql(
      node,
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  });
}

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let other: TestApp;
  let admin: Client;

  beforeAll(async () => {
    const given = {
      adapter,
      options: { undo: { windowMs: WINDOW_MS }, policy: [{ scope: 'subject', limit: 2, whenFull: 'reject' }] },
      extras: { accessPolicy: Rules, hooks: [Watcher] },
      controllers: [RotateController],
    } as const;
    node = await startTestApp({ ...given, controllers: [...given.controllers], extras: { ...given.extras } });
    other = await startTestApp({ ...given, controllers: [...given.controllers], joins: node });
    admin = await signedIn(node, { userId: 'admin' });
  });
  afterAll(async () => {
    await other.close();
    await node.close();
  });

  const revoke = async ({ sessionId }: Client): Promise<void> => {
    expect((await admin.del(`/admin/sessions/${sessionId}?reason=mistake`)).status).toBe(204);
  };
  const undo = ({ sessionId }: Client, by: Client = admin): Promise<Answer> =>
    by.post(`/admin/sessions/${sessionId}/undo`, { reason: 'the wrong one' });
  const restore = (client: Client) => client.post('/sessions/restore');
  const refusedAs = (answer: Answer, reason: string) => {
    expectProblem(answer, 'UNDO_REFUSED', ['reason']);
    expect(answer.body['reason']).toBe(reason);
  };
  const sessionIn = (answer: Answer) =>
    answer.body['session'] as { readonly id: string; readonly restoredFrom?: string };
  const permitted = async (input: SignInRequest): Promise<Client> => {
    const client = await signedIn(node, input);
    await revoke(client);
    expect((await undo(client)).status).toBe(200);
    return client;
  };

  describe('[rows 23, 39] a revocation that an administrator undoes', () => {
    it('gives a browser a new session in place of the old one, once', async () => {
      const client = await signedIn(node, { userId: 'browser', data: { role: 'user' } });
      const old = { token: client.token, id: client.sessionId };
      await revoke(client);
      expectProblem(await restore(client), 'SESSION_REVOKED');
      const undone = await undo(client);
      expect(undone.status).toBe(200);
      expect(sessionIn(undone)).toMatchObject({ id: old.id, status: 'revoked' });
      expect(Object.keys(undone.body).toSorted()).toEqual(['restorableUntil', 'session']);
      expectProblem(await client.me(), 'SESSION_REVOKED');

      const answer = await restore(client);
      expect({ status: answer.status, keys: Object.keys(answer.body).toSorted() }).toEqual({
        status: 200,
        keys: ['evicted', 'session'],
      });
      const restored = sessionIn(answer);
      expect(restored).toMatchObject({ userId: 'browser', status: 'active', current: true, restoredFrom: old.id });
      expect(client.token).not.toBe(old.token);
      expect((await client.me()).body).toEqual({ userId: 'browser', sessionId: restored.id });
      expect((await client.get('/sessions/current')).body).toMatchObject({ restoredFrom: old.id });

      for (const at of [node, other]) {
        const late = presenting(at, old.token);
        expectProblem(await late.me(), 'SESSION_REVOKED');
        refusedAs(await restore(late), 'used');
      }
      const history = async (id: string) => (await admin.get(`/admin/sessions/${id}/events`)).body.items;
      expect(await history(old.id)).toMatchObject([
        { type: 'created' },
        { type: 'revoked', actor: 'admin' },
        { type: 'undone', actor: 'admin', reason: 'the wrong one', version: 3 },
        { type: 'restored', actor: 'browser', version: 4 },
      ]);
      expect(await history(restored.id)).toMatchObject([{ type: 'created', reason: 'restored', actor: 'browser' }]);
      expect((await admin.get(`/admin/sessions/${restored.id}`)).body).toMatchObject({ restoredFrom: old.id });
      expect((await admin.get(`/admin/sessions/${old.id}`)).body).not.toHaveProperty('restoredFrom');
      const [row] = await sql(node, 'SELECT data FROM identity_session WHERE id = $1', [restored.id]);
      expect(row).toEqual({ data: { role: 'user' } });
    });

    it('gives a bearer client its token in the header and the body, and no cookie', async () => {
      const client = await permitted({ userId: 'bearer', transport: 'bearer' });
      const answer = await restore(client);
      expect(answer.status).toBe(200);
      expect(answer.setCookies).toEqual([]);
      expect(answer.headers['session-token']).toBe(answer.body.token);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect((await presenting(other, answer.body.token).me()).body).toMatchObject({ userId: 'bearer' });
    });

    it('is handed over to one of many that ask at once, on two nodes', async () => {
      const { token } = await permitted({ userId: 'twins' });
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, n) => restore(presenting(n % 2 === 0 ? node : other, token))),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers) if (answer.status !== 200) refusedAs(answer, 'used');
      expect((await admin.get('/admin/users/twins/sessions')).body.items).toHaveLength(1);
    });

    it('lets in no more than the limit, whatever signs in meanwhile', async () => {
      const client = await signedIn(node, { userId: 'crowd' });
      await signedIn(node, { userId: 'crowd' });
      await revoke(client);
      await undo(client);
      const answers = await Promise.all([
        ...Array.from({ length: 4 }, (_, n) => new Client((n % 2 ? node : other).url).signIn({ userId: 'crowd' })),
        restore(client),
      ]);
      expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
      expect((await admin.get('/admin/users/crowd/sessions')).body.items).toHaveLength(2);
    });

    it('is used up by nobody who is refused for the limit', async () => {
      const client = await signedIn(node, { userId: 'full' });
      const second = await signedIn(node, { userId: 'full' });
      await revoke(client);
      await undo(client);
      await sql(
        node,
        `UPDATE identity_session SET created_at = created_at - interval '1 minute' WHERE user_id = 'full'`,
      );
      const third = await signedIn(node, { userId: 'full' });
      await sql(
        node,
        `UPDATE identity_session SET created_at = created_at - interval '1 minute' WHERE user_id = 'full'`,
      );
      expectProblem(await restore(client), 'SESSION_LIMIT_REACHED');
      await third.del('/sign-out');
      expect((await restore(client)).status).toBe(200);
      expect((await second.me()).status).toBe(200);
    });

    it('is for the current token alone, and tells nobody else that there is one', async () => {
      const client = await signedIn(node, { userId: 'rotated', transport: 'bearer' });
      const before = client.token;
      client.bearer = (await client.post('/rotate')).headers['session-token'];
      await revoke(client);
      await undo(client);
      expectProblem(await restore(presenting(node, before)), 'SESSION_INVALID');
      const forged = `ids_${client.sessionId}.1.${'A'.repeat(43)}`;
      const unknown = forged.replace(/ids_.{8}/, 'ids_01a00000');
      for (const token of [forged, unknown, 'ids_x']) {
        expectProblem(await restore(presenting(node, token)), 'SESSION_INVALID');
      }
      expectProblem(await restore(new Client(node.url)), 'SESSION_MISSING');
      expect((await restore(client)).status).toBe(200);
    });

    it('refuses a page of another site', async () => {
      const client = await permitted({ userId: 'victim' });
      const headers = { cookie: client.cookie ?? '', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      expectProblem(await send(node.url, 'POST', '/sessions/restore', { headers }), 'CROSS_SITE');
      expect((await restore(client)).status).toBe(200);
    });

    it('asks the hooks of a sign-in and of a change, which may refuse', async () => {
      const client = await permitted({ userId: 'unwanted' });
      expectProblem(await restore(client), 'REFUSED_BY_HOOK');
      expect(Watcher.seen).toEqual(expect.arrayContaining(['undo unwanted', 'restore unwanted']));
      expect((await admin.get('/admin/users/unwanted/sessions')).body.items).toEqual([]);
    });
  });

  describe('[row 23] nothing is undone', () => {
    it('by its own user, nor by whoever administrates nobody', async () => {
      const mine = await signedIn(node, { userId: 'owner' });
      const another = await signedIn(node, { userId: 'owner' });
      await revoke(mine);
      expectProblem(await undo(mine, another), 'FORBIDDEN');
      const warden = await signedIn(node, { userId: 'warden' });
      const second = await signedIn(node, { userId: 'warden' });
      await revoke(second);
      refusedAs(await undo(second, warden), 'own_session');
      expect((await undo(second)).status).toBe(200);
    });

    it('that no administrator has ended', async () => {
      const out = await signedIn(node, { userId: 'gone' });
      const cookie = out.cookie;
      await out.del('/sign-out');
      refusedAs(await undo(out), 'not_undoable');
      out.cookie = cookie;
      expectProblem(await restore(out), 'SESSION_SIGNED_OUT');
      const ended = await signedIn(node, { userId: 'gone' });
      const by = await signedIn(node, { userId: 'gone' });
      expect((await by.del(`/sessions/${ended.sessionId}`)).status).toBe(204);
      refusedAs(await undo(ended), 'not_undoable');
      refusedAs(await undo(by), 'not_undoable');
      refusedAs(await restore(by), 'not_undoable');
      const unknown = await admin.post('/admin/sessions/01a00000-0000-7000-8000-000000000000/undo');
      expectProblem(unknown, 'SESSION_NOT_FOUND');
    });

    it('of a protected session without the right to them', async () => {
      const client = await signedIn(node, { userId: 'glass', protected: true });
      const note = { reason: 'mistake', by: 'admin', includeProtected: true };
      await node.app.get(SessionAdminService).revoke(client.sessionId, note);
      expectProblem(await undo(client), 'SESSION_PROTECTED');
      await node.app.get(SessionAdminService).undo(client.sessionId, note);
      const { id } = sessionIn(await restore(client));
      expect((await admin.get(`/admin/sessions/${id}`)).body).toMatchObject({ protected: true });
    });

    it('twice, or too late', async () => {
      const client = await permitted({ userId: 'late' });
      refusedAs(await undo(client), 'already_undone');
      await setRow(node, client.sessionId, `restorable_until = clock_timestamp()`);
      refusedAs(await restore(client), 'too_late');
      const old = await signedIn(node, { userId: 'later' });
      await revoke(old);
      await setRow(node, old.sessionId, `ended_at = ended_at - interval '${WINDOW_MS} milliseconds'`);
      refusedAs(await undo(old), 'too_late');
    });

    it('that was changed since: signed in, cut off, scrubbed, or by an event of the account', async () => {
      const account = node.app.get(AccountEvents);
      const changes: Record<string, (client: Client) => Promise<unknown>> = {
        signed: () => signedIn(node, { userId: 'signed' }),
        cut: () => admin.post('/admin/cut-offs', { userId: 'cut', reason: 'stolen' }),
        scrubbed: ({ sessionId }) => setRow(node, sessionId, 'scrubbed_at = clock_timestamp()'),
        password: () => account.passwordChanged({ userId: 'password', by: 'admin' }),
        role: () => account.roleChanged({ userId: 'role', data: { role: 'none' }, by: 'admin' }),
      };
      for (const [userId, change] of Object.entries(changes)) {
        const before = await signedIn(node, { userId });
        await revoke(before);
        await change(before);
        refusedAs(await undo(before), 'changed');
        // Where the change comes only after the permit.
        const after = await permitted({ userId });
        await change(after);
        refusedAs(await restore(after), 'changed');
      }
    });

    it('that was under way while an event of the account ended the others', async () => {
      const client = await signedIn(node, { userId: 'between' });
      const note = { reason: 'mistake', by: 'admin' };
      let changed: Promise<unknown> | undefined;
      await node.app.get(DataSource).transaction(async (manager) => {
        await node.app.get(SessionAdminService).revoke(client.sessionId, { ...note, manager });
        changed = node.app.get(AccountEvents).passwordChanged({ userId: 'between', by: 'between' });
        await untilWaiting(node);
      });
      await changed;
      refusedAs(await undo(client), 'changed');
    });

    it('of whom all sessions were ended meanwhile', async () => {
      const client = await permitted({ userId: 'bulk' });
      expect((await admin.del('/admin/users/bulk/sessions')).body).toEqual({ revoked: 0 });
      refusedAs(await restore(client), 'changed');
    });

    it('that an event of the account has ended', async () => {
      const client = await signedIn(node, { userId: 'locked' });
      await node.app.get(AccountEvents).lockedOut({ userId: 'locked', by: 'admin' });
      refusedAs(await undo(client), 'not_undoable');
    });

    it('where it is rolled back', async () => {
      const client = await signedIn(node, { userId: 'rolled' });
      await revoke(client);
      const sessions = node.app.get(SessionService);
      const administration = node.app.get(SessionAdminService);
      const dataSource = node.app.get(DataSource);
      await expect(
        dataSource.transaction(async (manager) => {
          const note = { by: 'admin', reason: 'mistake', manager };
          expect((await administration.undo(client.sessionId, note))?.session.status).toBe('revoked');
          const request = { headers: { cookie: client.cookie } };
          const { session } = await sessions.restore({ request, manager });
          expect(session.restoredFrom).toBe(client.sessionId);
          throw new Error('rolled back');
        }),
      ).rejects.toThrow('rolled back');
      expectProblem(await restore(client), 'SESSION_REVOKED');
      expect((await undo(client)).status).toBe(200);
      expect((await restore(client)).status).toBe(200);
    });
  });
});

describe('[row 23] without the option', () => {
  it('nothing is undone', async () => {
    const node = await startTestApp();
    const admin = await signedIn(node, { userId: 'admin' });
    const client = await signedIn(node, { userId: 'alice' });
    await admin.del(`/admin/sessions/${client.sessionId}`);
    expectProblem(await admin.post(`/admin/sessions/${client.sessionId}/undo`), 'UNDO_REFUSED', ['reason']);
    expectProblem(await client.post('/sessions/restore'), 'SESSION_REVOKED');
    await node.close();
  });
});
