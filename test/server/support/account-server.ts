import { afterAll, beforeAll, expect } from '@jest/globals';
import type { RunningServer } from '../../../apps/server/src/start/start-server.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { startInProcess } from '../../support/server.js';
import { HttpClient } from './http-client.js';

export const ADMIN = { email: 'root@example.com', password: 'correct horse battery' };
export const PASSWORD = 'a fine password';

/** Somebody with an account, signed in. */
export interface SignedInAccount {
  readonly userId: string;
  readonly email: string;
  readonly client: HttpClient;
}

/** A server for the tests of a `describe` block, and people who use it. */
export interface AccountServer {
  /** Nobody yet. */
  readonly client: () => HttpClient;
  /** An address that nobody has. */
  readonly freshEmail: () => string;
  /** Somebody with a new account of their own. */
  readonly signedUp: (signIn?: object) => Promise<SignedInAccount>;
  /** Somebody who is known; the administrator unless told. */
  readonly administrator: (email?: string, password?: string) => Promise<HttpClient>;
  /** Somebody whose account the administrator has made. */
  readonly made: (role: string, tenantId?: string) => Promise<SignedInAccount>;
}

/** Starts the server on a database of its own before the tests of the block, and stops it behind them. */
export function accountServer(adapter: string): AccountServer {
  let database: TestDatabase;
  let server: RunningServer;
  let emails = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startInProcess({
      DATABASE_URL: database.url,
      HTTP_ADAPTER: adapter,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    });
  });

  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  const client = (): HttpClient => new HttpClient(server.url);
  const freshEmail = (): string => `user-${(emails += 1)}@example.com`;

  async function signedIn(email: string, password: string, more: object = {}): Promise<HttpClient> {
    const somebody = client();
    expect(await somebody.signIn(email, password, more)).toMatchObject({ status: 200 });
    return somebody;
  }

  const administrator = (email = ADMIN.email, password = ADMIN.password): Promise<HttpClient> =>
    signedIn(email, password);

  return {
    client,
    freshEmail,
    administrator,
    signedUp: async (more) => {
      const email = freshEmail();
      const { body } = await client().post('/auth/sign-up', { email, password: PASSWORD });
      return { email, userId: body.userId as string, client: await signedIn(email, PASSWORD, more) };
    },
    made: async (role, tenantId) => {
      const email = freshEmail();
      const admin = await administrator();
      const answer = await admin.post('/admin/accounts', { email, password: PASSWORD, role, tenantId });
      expect(answer).toMatchObject({ status: 201, body: { email, role, tenantId: tenantId ?? null, disabled: false } });
      return { email, userId: answer.body.userId as string, client: await signedIn(email, PASSWORD) };
    },
  };
}
