import type { ClusterNode } from '../cluster/node.js';
import type { Client, Done } from './client.js';
import type { HeldToken, Person } from './people.js';

/** Where a server of this version has no such route. */
const NO_ROUTE = [404, 405];

/** What an administrator does to others. A route that the server does not have is asked for once and no more. */
export class AdminSteps {
  readonly missing = new Set<'bulk' | 'cut-off'>();

  constructor(private readonly client: Client) {}

  async end(node: ClusterNode, admin: Person, token: HeldToken, victim: Person, session: string): Promise<Done> {
    victim.release(session);
    const done = await this.client.call(node, {
      kind: 'admin-end',
      person: admin,
      token,
      target: { session },
      request: { method: 'DELETE', path: `/admin/sessions/${session}?reason=nemesis` },
    });
    this.#learn(admin, token, done);
    return done;
  }

  async endUser(node: ClusterNode, admin: Person, token: HeldToken, victim: Person): Promise<void> {
    const call = { method: 'DELETE', path: `/admin/users/${victim.id}/sessions` };
    await this.#endAll(node, admin, token, victim, 'admin-end-user', call);
  }

  async bulk(node: ClusterNode, admin: Person, token: HeldToken, victim: Person): Promise<void> {
    if (this.missing.has('bulk')) return;
    const body = { filter: { userId: victim.id }, reason: 'nemesis' };
    const call = { method: 'POST', path: '/admin/sessions/revoke', body };
    const { answer } = await this.#endAll(node, admin, token, victim, 'admin-bulk', call);
    if (NO_ROUTE.includes(answer?.status ?? 0)) this.missing.add('bulk');
  }

  async cutOff(node: ClusterNode, admin: Person, token: HeldToken, victim: Person): Promise<void> {
    if (this.missing.has('cut-off')) return;
    const call = { method: 'POST', path: '/admin/cut-offs', body: { userId: victim.id, reason: 'nemesis' } };
    const { answer } = await this.#endAll(node, admin, token, victim, 'admin-cut-off', call);
    if (NO_ROUTE.includes(answer?.status ?? 0)) this.missing.add('cut-off');
  }

  async #endAll(
    node: ClusterNode,
    admin: Person,
    token: HeldToken,
    victim: Person,
    kind: 'admin-end-user' | 'admin-bulk' | 'admin-cut-off',
    request: { readonly method: string; readonly path: string; readonly body?: object },
  ): Promise<Done> {
    const sessions = [...victim.live.keys()];
    const done = await this.client.call(node, {
      kind,
      person: admin,
      token,
      target: { user: victim.id },
      request,
      read: ({ body }) => ({ complete: body?.more !== true }),
    });
    const status = done.answer?.status ?? 0;
    if (status >= 200 && status < 300) for (const session of sessions) victim.release(session);
    this.#learn(admin, token, done);
    return done;
  }

  #learn(admin: Person, token: HeldToken, { answer }: Done): void {
    if (answer?.status === 401) admin.release(token.session);
  }
}
