import type { DataAnswer } from '../server/more-routes.js';
import type { ClusterNode } from '../cluster/node.js';
import type { AnswerFacts, OperationKind, SeenData } from '../history.js';
import type { Random } from '../random.js';
import type { Client } from './client.js';
import type { HttpAnswer } from './http.js';
import type { HeldToken, Person } from './people.js';

/** Members of which every change by `set` writes all and `merge` some. */
const MEMBERS = ['one', 'two', 'three'];

/** The member that `setUserData` writes. */
export const OF_USER = 'role';

/** What an application does with the data of sessions. No value is written twice, and each tells whose it is. */
export class DataSteps {
  #values = 0;

  constructor(private readonly client: Client) {}

  async read(node: ClusterNode, person: Person, token: HeldToken): Promise<SeenData | undefined> {
    const { operation } = await this.client.call(node, {
      kind: 'data',
      person,
      token,
      request: { method: 'GET', path: '/nemesis/data' },
      read: factsOf,
    });
    return operation.outcome.kind === 'answered' ? operation.outcome.data : undefined;
  }

  merge(node: ClusterNode, person: Person, token: HeldToken, random: Random): Promise<void> {
    const members = random.shuffled(MEMBERS).slice(0, random.chance(0.5) ? 1 : 2);
    const patch = this.#valuesOf(members, token.session);
    return this.#change('data-merge', node, person, token, patch, { patch });
  }

  /** All members anew, of the version that is there now on this node or, as others see it, was. */
  async set(node: ClusterNode, person: Person, token: HeldToken): Promise<void> {
    const seen = await this.read(node, person, token);
    if (seen === undefined) return;
    const written = this.#valuesOf(MEMBERS, token.session);
    const ofUser = seen.members[OF_USER];
    const data = { ...written, ...(ofUser === undefined ? {} : { [OF_USER]: ofUser }) };
    await this.#change('data-set', node, person, token, written, { data, ifVersion: seen.version }, seen.version);
  }

  setUserData(node: ClusterNode, person: Person, token: HeldToken): Promise<void> {
    const patch = this.#valuesOf([OF_USER], person.id);
    return this.#change('user-data', node, person, token, patch, { patch });
  }

  async #change(
    kind: OperationKind & ('data-merge' | 'data-set' | 'user-data'),
    node: ClusterNode,
    person: Person,
    token: HeldToken,
    written: Record<string, string>,
    body: object,
    ifVersion?: number,
  ): Promise<void> {
    const path = { 'data-merge': 'data/merge', 'data-set': 'data/set', 'user-data': 'user-data' }[kind];
    await this.client.call(node, {
      kind,
      person,
      token,
      target: { written, ...(ifVersion === undefined ? {} : { ifVersion }) },
      request: { method: 'POST', path: `/nemesis/${path}`, body },
      ...(kind === 'user-data' ? {} : { read: factsOf }),
    });
  }

  #valuesOf(members: readonly string[], owner: string): Record<string, string> {
    return Object.fromEntries(members.map((member) => [member, `${owner} ${(this.#values += 1)}`]));
  }
}

function factsOf({ body }: HttpAnswer): AnswerFacts {
  const { userId, sessionId, dataVersion, data } = body as DataAnswer;
  return { seenAs: { user: userId, session: sessionId }, data: { version: dataVersion, members: data } };
}
