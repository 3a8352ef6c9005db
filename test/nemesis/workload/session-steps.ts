import type { ClusterNode } from '../cluster/node.js';
import type { HttpAnswer } from './http.js';
import type { Client, Done } from './client.js';
import type { HeldToken, Person, Transport } from './people.js';
import { generationOf, issuedIn } from './token-text.js';

/** What a person does with their own account and sessions: one request each, and what the person learns of it. */
export class SessionSteps {
  #passwords = 0;

  constructor(private readonly client: Client) {}

  async signUp(node: ClusterNode, person: Person): Promise<boolean> {
    const body = { email: person.email, password: person.passwords[0] };
    const { answer } = await this.client.call(node, {
      kind: 'sign-up',
      person: null,
      request: { method: 'POST', path: '/auth/sign-up', body },
    });
    if (answer?.status !== 201) return false;
    person.id = answer.body.userId as string;
    return true;
  }

  /** With `over`, in place of the session of that token. */
  async signIn(
    node: ClusterNode,
    person: Person,
    { transport, deviceType, over }: { transport: Transport; deviceType: string; over?: HeldToken | undefined },
  ): Promise<HeldToken | undefined> {
    const tried = person.passwords;
    const password = person.nextPassword();
    const changes = person.passwordChanges;
    const { answer, operation } = await this.client.call(node, {
      kind: 'sign-in',
      person,
      token: over,
      ...(over === undefined ? {} : { target: { session: over.session } }),
      request: {
        method: 'POST',
        path: '/auth/sign-in',
        body: { email: person.email, password, deviceType, transport },
      },
      read: (answer_) => ({
        created: {
          user: answer_.body.session.userId as string,
          session: answer_.body.session.id as string,
          generation: 0,
        },
        evicted: answer_.body.evicted as string[],
      }),
      passwordIsSure: () => tried.length === 1 && changes === person.passwordChanges,
    });
    if (answer?.status !== 200) return undefined;
    person.id = answer.body.session.userId as string;
    person.signedInWith(password, operation.begun);
    for (const evicted of answer.body.evicted as string[]) person.release(evicted);
    if (over !== undefined) person.release(over.session);
    const held = { session: answer.body.session.id as string, generation: 0, transport, secret: '' };
    const token = { ...held, secret: secretOf(answer, transport) };
    person.hold(token);
    return token;
  }

  async me(node: ClusterNode, person: Person, token: HeldToken): Promise<Done> {
    const done = await this.client.call(node, {
      kind: 'me',
      person,
      token,
      request: { method: 'GET', path: '/me' },
      read: ({ body }) => ({ seenAs: { user: body.userId as string, session: body.sessionId as string } }),
    });
    this.#learn(person, token, done);
    return done;
  }

  async list(node: ClusterNode, person: Person, token: HeldToken): Promise<void> {
    const done = await this.client.call(node, {
      kind: 'list',
      person,
      token,
      request: { method: 'GET', path: '/sessions' },
      read: ({ body }) => ({ listedUsers: (body.items as { userId: string }[]).map((item) => item.userId) }),
    });
    this.#learn(person, token, done);
  }

  async signOut(node: ClusterNode, person: Person, token: HeldToken): Promise<Done> {
    person.release(token.session);
    return this.client.call(node, {
      kind: 'sign-out',
      person,
      token,
      target: { session: token.session },
      request: { method: 'POST', path: '/auth/sign-out' },
    });
  }

  async endOwn(node: ClusterNode, person: Person, token: HeldToken, session: string): Promise<void> {
    person.release(session);
    const done = await this.client.call(node, {
      kind: 'end-own',
      person,
      token,
      target: { session },
      request: { method: 'DELETE', path: `/sessions/${session}` },
    });
    if (session !== token.session) this.#learn(person, token, done);
  }

  async endOwnOthers(node: ClusterNode, person: Person, token: HeldToken): Promise<void> {
    const others = [...person.live.keys()].filter((session) => session !== token.session);
    const done = await this.client.call(node, {
      kind: 'end-own-others',
      person,
      token,
      target: { user: person.id, except: token.session },
      request: { method: 'DELETE', path: '/sessions' },
    });
    if (done.answer?.status === 200) for (const session of others) person.release(session);
    this.#learn(person, token, done);
  }

  /** One at a time for each person: a client does not change the password twice at once. */
  async changePassword(node: ClusterNode, person: Person, token: HeldToken): Promise<void> {
    const [current] = person.passwords;
    if (current === undefined || person.passwords.length > 1) return;
    const next = `the password number ${(this.#passwords += 1)}`;
    person.passwords = [current, next];
    person.passwordChanges += 1;
    const others = [...person.live.keys()].filter((session) => session !== token.session);
    const done = await this.client.call(node, {
      kind: 'password',
      person,
      token,
      target: { user: person.id, except: token.session },
      request: { method: 'POST', path: '/auth/password', body: { current, next } },
      read: (answer_) => {
        const generation = generationOf(secretOf(answer_, token.transport));
        return { created: { user: person.id, session: token.session, generation } };
      },
      passwordIsSure: () => true,
    });
    const { answer } = done;
    person.passwordChanges += 1;
    if (answer?.status === 200) {
      person.passwords = [next];
      const secret = secretOf(answer, token.transport);
      person.hold({ ...token, generation: generationOf(secret), secret });
      for (const session of others) person.release(session);
    } else if (answer !== undefined && answer.status < 500) {
      person.passwords = [current];
      this.#learn(person, token, done);
    } else {
      // Whether the token was replaced is not known either.
      person.release(token.session);
      person.passwordUnknownSince = done.operation.ended;
    }
  }

  /** A person who is told that a session is over believes it, but does not throw the token away. */
  #learn(person: Person, token: HeldToken, { answer }: Done): void {
    if (answer?.status === 401 && person.live.get(token.session) === token) person.release(token.session);
  }
}

/** An application finds the token of a sign-in in the body. */
function secretOf(answer: HttpAnswer, transport: Transport): string {
  const secret = transport === 'bearer' ? (answer.body.token as string) : issuedIn(answer, transport);
  if (secret === undefined) throw new Error('A sign-in by cookie was answered without one.');
  return secret;
}
