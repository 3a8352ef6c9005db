import { Logger } from '@nestjs/common';
import { sessionOf } from '../nest/guard/route.decorators.js';
import type { Session } from '../nest/session/session.js';
import type { Connection } from './connection.js';
import type { SocketHooks } from './socket-hooks.js';

/** Kinds of failures that are logged. */
const MOST_KINDS = 100;

/** Calls the application's hooks, and keeps what becomes of them from everything else. */
export class HookRunner {
  readonly #logger = new Logger('IdentitySession');
  readonly #told = new Set<string>();

  constructor(private readonly hooks: SocketHooks | null) {}

  get hearsMessages(): boolean {
    return this.hooks?.onMessage !== undefined;
  }

  connected(connection: Connection): void {
    this.#run('onConnect', (hooks) => hooks.onConnect?.(connection, sessionOfConnection(connection)));
  }

  disconnected(connection: Connection, reason: string): void {
    const why = connection.told?.code ?? reason;
    this.#run('onDisconnect', (hooks) => hooks.onDisconnect?.(connection, sessionOfConnection(connection), why));
  }

  /** What to go on with once the message is let through: as given where nobody wants to hear of it. */
  heard(connection: Connection, packet: readonly unknown[], next: () => void): () => void {
    if (!this.hearsMessages) return next;
    const [event, ...given] = packet as [string, ...unknown[]];
    const args = typeof given.at(-1) === 'function' ? given.slice(0, -1) : given;
    return () => {
      next();
      this.#run('onMessage', (hooks) => hooks.onMessage?.(connection, sessionOfConnection(connection), event, args));
    };
  }

  #run(hook: keyof SocketHooks, call: (hooks: SocketHooks) => unknown): void {
    const { hooks } = this;
    if (hooks === null) return;
    try {
      const result = call(hooks);
      if (isPromise(result)) {
        result.then(undefined, (error: unknown) => {
          this.#failed(hook, error);
        });
      }
    } catch (error) {
      this.#failed(hook, error);
    }
  }

  #failed(hook: string, error: unknown): void {
    const kind = `${hook}: ${error instanceof Error ? error.name : typeof error}`;
    if (this.#told.has(kind) || this.#told.size >= MOST_KINDS) return;
    this.#told.add(kind);
    this.#logger.error(
      `The hook ${hook} failed, which has no effect; further failures of this kind are not told.`,
      error,
    );
  }
}

function sessionOfConnection({ socket, credential }: Connection): Session | null {
  return credential === null ? null : sessionOf(socket.handshake);
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
