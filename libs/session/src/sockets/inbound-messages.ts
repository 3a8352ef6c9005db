import { Logger } from '@nestjs/common';
import { IdentitySessionError } from '../core/errors.js';
import type { SessionChecker } from '../nest/check/session-checker.js';
import type { SessionVerdict } from '../nest/check/session-verdict.js';
import type { SessionRequirements } from '../nest/check/session-judge.js';
import type { VouchedCredential } from '../nest/credential/vouched-session.js';
import { attachSession } from '../nest/guard/route.decorators.js';
import { type AnonymousConnections, AUTHENTICATE } from './anonymous-connections.js';
import type { Connection } from './connection.js';
import type { HookRunner } from './hook-runner.js';
import { socketProblemOf } from './socket-problem.js';

/** Of one connection, while the database is asked: at 64 KiB each, what one client can have a node hold. */
const MOST_WAITING = 256;

const PASSIVE = { skipTouch: true };
const ACTIVE = { skipTouch: false };

/** The session is not over: the database is away, or it is used from elsewhere. */
const GOES_ON: ReadonlySet<string> = new Set(['SESSION_STORE_UNAVAILABLE', 'SESSION_NOT_FRESH']);

export interface InboundMessagesPorts {
  readonly anonymous: Pick<AnonymousConnections, 'authenticate'>;
  readonly checker: Pick<SessionChecker, 'verifyVouched'>;
  readonly hooks: Pick<HookRunner, 'heard'>;
  /** Messages count as access. */
  readonly isActivity: boolean;
  /** A session serves no longer. */
  readonly onRefused: (credential: VouchedCredential, error: IdentitySessionError) => void;
}

/** Lets messages of clients through whose session serves, each connection's in the order in which they came. */
export class InboundMessages {
  readonly #logger = new Logger('IdentitySession');

  constructor(private readonly ports: InboundMessagesPorts) {}

  received(connection: Connection, packet: readonly unknown[], next: () => void): void {
    const [event, message, answer] = packet;
    if (event === AUTHENTICATE) {
      this.#inTurn(connection, () => this.#authenticate(connection, message, answer));
      return;
    }
    const go = this.ports.hooks.heard(connection, packet, next);
    const asked = this.ports.isActivity ? ACTIVE : PASSIVE;
    this.#inTurn(connection, () => this.#decide(connection, asked, go));
  }

  /** What a client answers to a message, which its program may do by itself: no access. */
  answered(connection: Connection, next: () => void): void {
    this.#inTurn(connection, () => this.#decide(connection, PASSIVE, next));
  }

  /** At once where nothing is waited for. */
  #inTurn(connection: Connection, decide: () => Promise<void> | undefined): void {
    const { pending, socket } = connection;
    if (pending === undefined) {
      const decision = decide();
      if (decision !== undefined) this.#await(connection, decision);
    } else if (connection.waiting < MOST_WAITING) {
      // Whoever is gone has nothing more decided.
      this.#await(
        connection,
        pending.then(() => (socket.connected ? decide() : undefined)),
      );
    } else {
      socket.emit('exception', socketProblemOf(tooFast()));
      socket.disconnect(true);
    }
  }

  #await(connection: Connection, decision: Promise<void>): void {
    connection.waiting += 1;
    const last = decision
      .catch((error: unknown) => {
        // What is not decided is not let through, and neither is what comes after it.
        this.#logger.error(`A message could not be decided: ${String(error)}`);
        connection.socket.disconnect(true);
      })
      .finally(() => {
        connection.waiting -= 1;
        if (connection.pending === last) connection.pending = undefined;
      });
    connection.pending = last;
  }

  async #authenticate(connection: Connection, message: unknown, answer: unknown): Promise<void> {
    const outcome = await this.ports.anonymous.authenticate(connection, message);
    if (typeof answer === 'function') (answer as (given: typeof outcome) => void)(outcome);
    else if ('error' in outcome) connection.socket.emit('exception', outcome.error);
  }

  /** At once where memory can tell. */
  #decide(connection: Connection, asked: SessionRequirements, next: () => void): Promise<void> | undefined {
    const { credential, address } = connection;
    if (credential === null) {
      next();
      return undefined;
    }
    const verdict = this.ports.checker.verifyVouched(credential, asked, address);
    if (verdict instanceof Promise) {
      return verdict.then((found) => {
        // It may have left its session meanwhile.
        if (connection.credential !== credential) return this.#decide(connection, asked, next);
        this.#settle(connection, credential, found, next);
        return undefined;
      });
    }
    this.#settle(connection, credential, verdict, next);
    return undefined;
  }

  #settle(
    { socket }: Connection,
    credential: VouchedCredential,
    { session, error }: SessionVerdict,
    next: () => void,
  ): void {
    if (error === undefined) {
      attachSession(socket.handshake, session);
      next();
    } else if (GOES_ON.has(error.code)) {
      socket.emit('exception', socketProblemOf(error));
    } else {
      this.ports.onRefused(credential, error);
    }
  }
}

function tooFast(): IdentitySessionError {
  const message = `More than ${MOST_WAITING} messages waited to be decided. Send fewer at once.`;
  return new IdentitySessionError('TOO_MANY_REQUESTS', message, { retryAfterSeconds: 1 });
}
