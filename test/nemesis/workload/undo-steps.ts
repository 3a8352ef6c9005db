import type { ClusterNode } from '../cluster/node.js';
import type { Client, Done } from './client.js';
import type { HeldToken, Person } from './people.js';
import { issuedIn } from './token-text.js';

/** An administrator takes a revocation back, and clients claim the session that takes its place. */
export class UndoSteps {
  #reasons = 0;

  constructor(private readonly client: Client) {}

  async undo(node: ClusterNode, admin: Person, token: HeldToken, session: string): Promise<Done> {
    const reason = `nemesis undo ${(this.#reasons += 1)}`;
    const done = await this.client.call(node, {
      kind: 'admin-undo',
      person: admin,
      token,
      target: { session, reason },
      request: { method: 'POST', path: `/admin/sessions/${session}/undo`, body: { reason } },
    });
    if (done.answer?.status === 401) admin.release(token.session);
    return done;
  }

  async restore(node: ClusterNode, person: Person, token: HeldToken): Promise<void> {
    const { answer } = await this.client.call(node, {
      kind: 'restore',
      person,
      token,
      request: { method: 'POST', path: '/sessions/restore', body: {} },
      read: ({ body }) => ({
        created: { user: body.session.userId as string, session: body.session.id as string, generation: 0 },
        evicted: body.evicted as string[],
      }),
    });
    if (answer?.status !== 200) return;
    for (const evicted of answer.body.evicted as string[]) person.release(evicted);
    const secret = token.transport === 'bearer' ? (answer.body.token as string) : issuedIn(answer, token.transport);
    if (secret === undefined) throw new Error('A session was restored without a token.');
    const session = answer.body.session.id as string;
    person.hold({ session, generation: 0, transport: token.transport, secret });
  }
}
