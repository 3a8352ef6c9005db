import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { type ServerProcess, startServer } from '../../support/server.js';

export const ADMIN = { email: 'root@example.com', password: 'correct horse battery' };
export const USER = { email: 'user@example.com', password: 'correct horse battery' };

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Two server processes on a database of their own, with an administrator. */
export class TwoNodes {
  private constructor(
    private readonly database: TestDatabase,
    private readonly environment: Readonly<Record<string, string>>,
    private readonly nodes: ServerProcess[],
  ) {}

  static async start(): Promise<TwoNodes> {
    const database = await createTestDatabase();
    const environment = {
      DATABASE_URL: database.url,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      SIGN_IN_LIMIT: '0',
    };
    const nodes = await Promise.all(['a', 'b'].map((name) => startServer({ ...environment, NODE_NAME: name })));
    return new TwoNodes(database, environment, nodes);
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.database.drop();
  }

  /** By kill -9. */
  async kill(node: number): Promise<void> {
    await this.nodes[node]!.kill();
  }

  async restart(node: number): Promise<void> {
    this.nodes[node] = await startServer({ ...this.environment, NODE_NAME: `${node} again` });
  }

  async send(node: number, method: string, path: string, body?: object, token?: string): Promise<Answer> {
    const answer = await fetch(this.nodes[node]!.url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  signIn(node: number, who: object): Promise<Answer> {
    return this.send(node, 'POST', '/auth/sign-in', { ...who, transport: 'bearer' });
  }
}
