import type { TokenReference } from '../history.js';

export type Transport = 'cookie' | 'bearer';

/** A token that a client holds, with the secret. */
export interface HeldToken extends TokenReference {
  readonly secret: string;
  readonly transport: Transport;
}

/** Somebody with an account, and all tokens that were ever issued to them. */
export class Person {
  id = '';
  /** What the password may be: more than one while the outcome of a change is not known. */
  passwords: readonly string[];
  /** Counts changes, so that whoever signs in can tell that none came between. */
  passwordChanges = 0;
  /** When the outcome of a change was lost. */
  passwordUnknownSince = Number.POSITIVE_INFINITY;
  /** The newest token of each session that is held to be live. */
  readonly live = new Map<string, HeldToken>();
  /** Tokens that should not be admitted any more, newest last. */
  readonly dead: HeldToken[] = [];
  /** Tokens that have a successor. Whoever presents one late is a thief, and the session ends. */
  readonly replaced: HeldToken[] = [];
  /** The newest token of every session. */
  readonly newest = new Map<string, HeldToken>();
  #tries = 0;

  constructor(
    readonly email: string,
    password: string,
    readonly role: 'user' | 'admin' = 'user',
  ) {
    this.passwords = [password];
  }

  /** One of those that it may be, in turn. */
  nextPassword(): string {
    this.#tries += 1;
    return this.passwords[this.#tries % this.passwords.length]!;
  }

  /** A sign-in that was begun when no change could be under way any more tells which one it is. */
  signedInWith(password: string, begun: number): void {
    if (begun < this.passwordUnknownSince + CHANGE_OVER_MS) return;
    this.passwords = [password];
    this.passwordChanges += 1;
    this.passwordUnknownSince = Number.POSITIVE_INFINITY;
  }

  /** Keeps a token that was issued, in place of the session's earlier one; answers may come in any order. */
  hold(token: HeldToken): void {
    const earlier = this.newest.get(token.session);
    if (earlier !== undefined && earlier.generation >= token.generation) return;
    this.newest.set(token.session, token);
    if (earlier === undefined || this.live.delete(token.session)) this.live.set(token.session, token);
    if (earlier === undefined) return;
    this.replaced.push(earlier);
    if (this.replaced.length > MOST_DEAD) this.replaced.shift();
  }

  /** A session has ended, or is about to: its token is tried again all the same. */
  release(session: string): void {
    const token = this.live.get(session);
    if (token === undefined) return;
    this.live.delete(session);
    this.#bury(token);
  }

  #bury(token: HeldToken): void {
    this.dead.push(token);
    if (this.dead.length > MOST_DEAD) this.dead.shift();
  }
}

const MOST_DEAD = 40;
/** Longer than any deadline of a server towards its database. */
const CHANGE_OVER_MS = 15_000;
