import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, signedIn } from './support/client.js';

const PATHS_OF_SIGN_OUT = ['/sign-out', '/sessions/:id', '/sessions?includeCurrent=true'];

describe.each(ADAPTERS)('[row 33] signing out, on %s,', (adapter) => {
  let node: TestApp;
  let overTls: TestApp;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    overTls = await startTestApp({ adapter, joins: node, options: { cookie: { secure: true } } });
  });
  afterAll(async () => {
    await overTls.close();
    await node.close();
  });

  const signOut = async (at: TestApp, path: string, transport?: 'bearer'): Promise<Answer> => {
    const user = await signedIn(at, { userId: 'user', ...(transport && { transport }) });
    return user.del(path.replace(':id', user.sessionId));
  };

  it.each(PATHS_OF_SIGN_OUT)('by %s clears the cookie with its own attributes', async (path) => {
    const end = 'Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT';
    expect((await signOut(node, path)).setCookies).toEqual([`session=; Path=/; HttpOnly; SameSite=Lax; ${end}`]);
    expect((await signOut(overTls, path)).setCookies).toEqual([
      `__Host-session=; Path=/; HttpOnly; SameSite=Lax; Secure; ${end}`,
    ]);
  });

  it.each(PATHS_OF_SIGN_OUT)('by %s clears what the origin holds, and is kept nowhere', async (path) => {
    for (const answer of [await signOut(node, path), await signOut(node, path, 'bearer')]) {
      expect(answer.headers).toMatchObject({ 'clear-site-data': '"cache", "storage"', 'cache-control': 'no-store' });
    }
  });

  it.each(PATHS_OF_SIGN_OUT)('by %s sets no cookie for a bearer client', async (path) => {
    expect((await signOut(node, path, 'bearer')).setCookies).toEqual([]);
  });

  it('clears nothing when another session is ended', async () => {
    const user = await signedIn(node, { userId: 'careful' });
    const { sessionId } = await signedIn(node, { userId: 'careful' });
    for (const path of [`/sessions/${sessionId}`, '/sessions', '/sessions?includeCurrent=false']) {
      const answer = await user.del(path);
      expect(answer.status).toBeLessThan(300);
      expect(answer.setCookies).toEqual([]);
      expect(answer.headers).not.toHaveProperty('clear-site-data');
    }
    expect(await user.alive()).toBe(200);
  });
});
