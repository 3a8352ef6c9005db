import type { ClusterNode } from '../cluster/node.js';
import { succeeded } from '../history.js';
import type { Client, Done } from './client.js';
import type { HttpAnswer } from './http.js';
import type { HeldToken, Person } from './people.js';

/** Whose sessions a job revokes. */
export type JobTarget = { readonly userId: string } | { readonly clientId: string };

/** A job as whoever asked for it knows it. */
export interface AskedJob {
  readonly id: string;
  readonly target: JobTarget;
  readonly reason: string;
}

const OVER = ['done', 'cancelled', 'failed'];

/** An administrator revokes many sessions by jobs. */
export class JobSteps {
  #reasons = 0;

  constructor(private readonly client: Client) {}

  /** `undefined` where it is not known whether there is such a job. */
  async start(node: ClusterNode, admin: Person, token: HeldToken, target: JobTarget): Promise<AskedJob | undefined> {
    const reason = `nemesis job ${(this.#reasons += 1)}`;
    const done = await this.client.call(node, {
      kind: 'admin-job',
      person: admin,
      token,
      target: { ...userOf(target), reason },
      request: { method: 'POST', path: '/admin/jobs', body: { kind: 'revoke', filter: target, reason } },
      read: jobOf,
    });
    this.#learn(admin, token, done);
    return succeeded(done.operation) ? { id: done.answer?.body.id as string, target, reason } : undefined;
  }

  /** True once it is over. */
  async isOver(node: ClusterNode, admin: Person, token: HeldToken, job: AskedJob): Promise<boolean> {
    const done = await this.#about('admin-job-read', 'GET', '', node, admin, token, job);
    return OVER.includes(done.answer?.body?.status as string);
  }

  async cancel(node: ClusterNode, admin: Person, token: HeldToken, job: AskedJob): Promise<void> {
    await this.#about('admin-job-cancel', 'POST', '/cancel', node, admin, token, job);
  }

  async #about(
    kind: 'admin-job-read' | 'admin-job-cancel',
    method: string,
    suffix: string,
    node: ClusterNode,
    admin: Person,
    token: HeldToken,
    { id, target, reason }: AskedJob,
  ): Promise<Done> {
    const done = await this.client.call(node, {
      kind,
      person: admin,
      token,
      target: { ...userOf(target), reason, job: id },
      request: { method, path: `/admin/jobs/${id}${suffix}` },
      read: jobOf,
    });
    this.#learn(admin, token, done);
    return done;
  }

  #learn(admin: Person, token: HeldToken, { answer }: Done): void {
    if (answer?.status === 401) admin.release(token.session);
  }
}

function userOf(target: JobTarget): { user?: string } {
  return 'userId' in target ? { user: target.userId } : {};
}

function jobOf({ body }: HttpAnswer): { job: { id: string; status: string } } {
  return { job: { id: body.id as string, status: body.status as string } };
}
