import { ForbiddenException, Injectable, type LoggerService, Scope } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type HookContext,
  type HookRefusal,
  IdentitySessionError,
  refuse,
  SessionAdminService,
  type SessionChange,
  SessionDataService,
  type SessionEnd,
  type SessionHooks,
  SessionService,
} from 'nestjs-identity-session';
import { DataSource } from 'typeorm';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from './support/until.js';

/** What is called, in order; a test says what is answered. */
const calls: string[] = [];
let answer: (call: string) => unknown = () => undefined;

function told(hook: string, of: string): unknown {
  calls.push(`${hook} ${of}`);
  return answer(hook);
}

@Injectable()
class First implements SessionHooks {
  constructor(readonly sessions: SessionService) {}

  beforeSignIn({ userId }: { userId: string }, { facts }: { facts: { deviceType: string } }): unknown {
    return told('beforeSignIn', `${userId} ${facts.deviceType}`);
  }
  afterSignIn({ userId }: { userId: string }): unknown {
    return told('afterSignIn', userId);
  }
  beforeSignOut({ status }: { status: string }): unknown {
    return told('beforeSignOut', status);
  }
  afterSignOut({ status }: { status: string }): unknown {
    return told('afterSignOut', status);
  }
  beforeChange({ kind, reason, session }: SessionChange): unknown {
    return told('beforeChange', `${kind} ${reason} ${session?.status}`);
  }
  afterChange({ kind, session }: SessionChange): unknown {
    return told('afterChange', `${kind} ${session?.status}`);
  }
  beforeEnd({ kind, session }: SessionEnd, { manager }: HookContext): unknown {
    return told('beforeEnd', `${kind} ${session.status} ${manager === undefined ? 'alone' : 'within'}`);
  }
  afterEnd({ kind, session }: SessionEnd): unknown {
    return told('afterEnd', `${kind} ${session.status}`);
  }
}

@Injectable()
class Second implements SessionHooks {
  beforeSignIn(): void {
    calls.push('second beforeSignIn');
  }
  afterSignIn(): void {
    calls.push('second afterSignIn');
  }
}

@Injectable({ scope: Scope.REQUEST })
class OfRequests implements SessionHooks {}

describe('hooks', () => {
  let app: TestApp;
  let logged: string[];

  beforeAll(async () => {
    const keep = (text: unknown): void => {
      logged.push(String(text));
    };
    const logger: LoggerService = { log: () => undefined, warn: () => undefined, error: keep };
    app = await startTestApp({ logger, extras: { hooks: [First, Second] }, options: { hookDeadlineMs: 300 } });
  });

  afterAll(() => app.close());

  beforeEach(() => {
    calls.length = 0;
    logged = [];
    answer = () => undefined;
  });

  const sessions = () => app.app.get(SessionService);
  const admin = () => app.app.get(SessionAdminService);
  const signIn = async (userId: string) => (await sessions().signIn({ userId })).session;
  const note = { reason: 'test', by: 'root' };

  async function signedIn(userId: string) {
    const session = await signIn(userId);
    await until('hooks are told', () => calls.includes('second afterSignIn'));
    calls.length = 0;
    return session;
  }

  async function calledInAll(expected: readonly string[]): Promise<void> {
    await until(`called: ${expected.join()}`, () => calls.length >= expected.length);
    expect(calls).toEqual(expected);
  }

  it('are asked before and told after a sign-in, in the order given', async () => {
    await signIn('ann');
    await calledInAll(['beforeSignIn ann other', 'second beforeSignIn', 'afterSignIn ann', 'second afterSignIn']);
  });

  it('are asked and told of changes and ends of one session', async () => {
    const session = await signedIn('bea');
    await sessions().name(session, session.id, 'Desk');
    await sessions().rotate(session, { reason: 'role_changed' });
    await app.app.get(SessionDataService).merge(session, { theme: 'dark' });
    await app.app.get(SessionDataService).setUserData(session, { role: 'x' }, { reason: 'promoted' });
    await admin().suspend(session.id, note);
    await admin().resume(session.id, note);
    await admin().revoke(session.id, note);
    await calledInAll([
      'beforeChange rename renamed active',
      'afterChange rename active',
      'beforeChange rotate role_changed active',
      'afterChange rotate active',
      'beforeChange data data_changed active',
      'afterChange data active',
      'beforeChange user_data promoted undefined',
      'afterChange user_data undefined',
      'beforeChange suspend test active',
      'afterChange suspend suspended',
      'beforeChange resume test suspended',
      'afterChange resume active',
      'beforeEnd revoke active alone',
      'afterEnd revoke revoked',
    ]);
  });

  it('are asked and told of a sign-out, but not of one of a session that is over', async () => {
    const { session, token } = await sessions().signIn({ userId: 'cora' });
    await until('hooks are told', () => calls.includes('second afterSignIn'));
    calls.length = 0;
    const request = { headers: { authorization: `Bearer ${token}` } };
    await sessions().signOut({ request });
    await sessions().signOut({ request });
    expect(await admin().revoke(session.id, note)).toBeUndefined();
    await calledInAll(['beforeSignOut active', 'afterSignOut signed_out']);
  });

  it.each(['answered', 'thrown'])('refuse with a reason, %s, and nothing is done', async (how) => {
    const session = await signedIn('dora');
    answer = (call): HookRefusal | undefined => {
      if (!call.startsWith('before')) return undefined;
      if (how === 'thrown') throw refuse('Not today.');
      return refuse('Not today.');
    };
    const refused = { code: 'REFUSED_BY_HOOK', statusCode: 403, message: 'Not today.' };
    await expect(signIn('dora')).rejects.toMatchObject(refused);
    await expect(sessions().name(session, session.id, 'x')).rejects.toMatchObject(refused);
    await expect(sessions().rotate(session, { reason: 'x' })).rejects.toMatchObject(refused);
    await expect(app.app.get(SessionDataService).set(session, { x: 1 })).rejects.toMatchObject(refused);
    await expect(admin().suspend(session.id, note)).rejects.toMatchObject(refused);
    await expect(admin().revoke(session.id, note)).rejects.toMatchObject(refused);
    expect(await sessions().list(session)).toMatchObject([{ id: session.id, version: session.version }]);
    expect(calls.filter((call) => call.includes('after') || call.startsWith('second'))).toEqual([]);
    // Of what others may not see no hook is asked.
    calls.length = 0;
    const scope = { kind: 'tenant', tenantId: 'other' } as const;
    expect(await admin().revoke(session.id, { ...note, scope })).toBeUndefined();
    expect(calls).toEqual([]);
    answer = () => undefined;
    await admin().revoke(session.id, note);
  });

  it('tell a browser why they refuse', async () => {
    answer = () => refuse('The account is locked.');
    const headers = { 'Content-Type': 'application/json' };
    const body = JSON.stringify({ userId: 'eve' });
    const response = await fetch(`${app.url}/sign-in`, { method: 'POST', headers, body });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'REFUSED_BY_HOOK', detail: 'The account is locked.' });
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('let errors of the application through, and fail closed with every other', async () => {
    const suspended = new IdentitySessionError('BAD_CREDENTIALS', 'No.');
    for (const error of [suspended, new ForbiddenException('No.')]) {
      answer = () => Promise.reject(error);
      await expect(signIn('finn')).rejects.toBe(error);
    }
    expect(logged).toEqual([]);
    answer = () => {
      throw new Error('a bug');
    };
    await expect(signIn('finn')).rejects.toMatchObject({ code: 'HOOK_FAILED', statusCode: 503 });
    expect(logged).toEqual([expect.stringContaining('First.beforeSignIn failed, so nothing was done: Error: a bug')]);
    answer = () => new Promise(() => undefined);
    await expect(signIn('finn')).rejects.toMatchObject({ code: 'HOOK_FAILED', details: { retryAfterSeconds: 1 } });
    expect(await admin().count({ userId: 'finn' })).toBe(0);
  });

  it('harm nothing afterwards, whatever they throw, and keep no other from being called', async () => {
    answer = (call) => (call.startsWith('after') ? Promise.reject(new Error('a bug')) : undefined);
    const session = await signIn('gus');
    await until('the second is called', () => calls.includes('second afterSignIn'));
    expect(logged).toEqual([expect.stringContaining('First.afterSignIn failed, which has no effect')]);
    calls.length = 0;
    answer = (call) => (call.startsWith('after') ? new Promise(() => undefined) : undefined);
    await signIn('gus');
    await until('the second is called after the deadline', () => calls.includes('second afterSignIn'));
    answer = () => undefined;
    expect(await sessions().list(session)).toHaveLength(2);
  });

  it("are told with the commit of a caller's transaction, and never of what was rolled back", async () => {
    const session = await signedIn('hal');
    const rolledBack = app.app.get(DataSource).transaction(async (manager) => {
      await admin().revoke(session.id, { ...note, manager });
      throw new Error('changed my mind');
    });
    await expect(rolledBack).rejects.toThrow('changed my mind');
    await app.app.get(DataSource).transaction(async (manager) => {
      await admin().revoke(session.id, { ...note, manager });
      expect(calls).toEqual(['beforeEnd revoke active within', 'beforeEnd revoke active within']);
    });
    await until('it is told', () => calls.length === 3);
    expect(calls[2]).toBe('afterEnd revoke revoked');
  });

  it('are refused at start where they are made for each request', async () => {
    const logger: LoggerService = { log: () => undefined, warn: () => undefined, error: () => undefined };
    await expect(startTestApp({ joins: app, extras: { hooks: [OfRequests] }, logger })).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      message: expect.stringContaining('OfRequests of the option hooks'),
    });
  });
});
