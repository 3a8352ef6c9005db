import type { ClusterNode } from '../cluster/node.js';
import type { Client, Done } from './client.js';
import type { HeldToken, Person } from './people.js';

/** Begins the reason of whatever gives up its slot: the log does not say so otherwise. */
export const FREES_SLOT = 'nemesis frees';

/** An administrator suspends and resumes sessions of others. */
export class SuspensionSteps {
  #reasons = 0;

  constructor(private readonly client: Client) {}

  suspend(
    node: ClusterNode,
    admin: Person,
    token: HeldToken,
    session: string,
    { freesSlot }: { readonly freesSlot: boolean },
  ): Promise<Done> {
    const reason = `${freesSlot ? FREES_SLOT : 'nemesis keeps'} ${(this.#reasons += 1)}`;
    const path = `${freesSlot ? '/nemesis' : '/admin'}/sessions/${session}/suspend`;
    return this.#change('admin-suspend', node, admin, token, session, path, reason);
  }

  resume(node: ClusterNode, admin: Person, token: HeldToken, session: string): Promise<Done> {
    const path = `/admin/sessions/${session}/resume`;
    return this.#change('admin-resume', node, admin, token, session, path, `nemesis ${(this.#reasons += 1)}`);
  }

  async #change(
    kind: 'admin-suspend' | 'admin-resume',
    node: ClusterNode,
    admin: Person,
    token: HeldToken,
    session: string,
    path: string,
    reason: string,
  ): Promise<Done> {
    const done = await this.client.call(node, {
      kind,
      person: admin,
      token,
      target: { session, reason },
      request: { method: 'POST', path, body: { reason } },
    });
    if (done.answer?.status === 401) admin.release(token.session);
    return done;
  }
}
