import type { Namespace, Socket } from 'socket.io';
import type { SessionChecker } from '../nest/check/session-checker.js';
import { type VouchedCredential, type VouchedSession, vouchFor } from '../nest/credential/vouched-session.js';
import { leaveRooms } from './leave-rooms.js';
import type { LocalConnections } from './local-connections.js';

type Adapter = Namespace['adapter'];
type Restored = Awaited<ReturnType<Adapter['restoreSession']>>;

/** What is kept of a connection that may come back, beside what socket.io keeps; `null` where it was nobody's. */
interface Kept {
  readonly owner?: VouchedSession | null;
}

/**
 * socket.io gives a connection that comes back its rooms, and what it missed in them, before it asks whose it is. From here
 * on it does so only while the session lives that had them.
 */
export class RecoveryGate {
  /** By the data that a connection has recovered. */
  readonly #owners = new WeakMap<object, string | null>();

  constructor(
    private readonly connections: Pick<LocalConnections, 'get'>,
    private readonly checker: Pick<SessionChecker, 'verifyVouched'>,
  ) {}

  guard(namespace: Namespace): void {
    this.#guard(namespace.adapter);
    // Where the application sets another adapter, the namespace makes a new one.
    const init = namespace._initAdapter.bind(namespace);
    namespace._initAdapter = () => {
      init();
      this.#guard(namespace.adapter);
    };
  }

  /** Takes from a connection what it has recovered, where that was another session's. */
  settle(socket: Socket, credential: VouchedCredential | null): void {
    if (!socket.recovered) return;
    const owner = this.#owners.get(socket.data as object);
    if (owner === null || (owner !== undefined && owner === credential?.sessionId)) return;
    leaveRooms(socket);
    Object.assign(socket, { recovered: false, data: {} });
  }

  #guard(adapter: Adapter): void {
    const persist = adapter.persistSession.bind(adapter);
    const restore: (...asked: Parameters<Adapter['restoreSession']>) => Promise<(Restored & Kept) | null> =
      adapter.restoreSession.bind(adapter);
    adapter.persistSession = (session) => {
      const connection = this.connections.get(session.sid);
      if (connection !== undefined) persist({ ...session, owner: ownerOf(connection.credential) } as typeof session);
    };
    adapter.restoreSession = (async (...asked) => {
      const found = await restore(...asked);
      return found !== null && (await this.#mayHave(found)) ? found : null;
    }) as Adapter['restoreSession'];
  }

  async #mayHave({ owner, data }: Restored & Kept): Promise<boolean> {
    if (owner === undefined) return false;
    this.#owners.set(data as object, owner === null ? null : String(owner.sessionId));
    if (owner === null) return true;
    const { error } = await this.checker.verifyVouched(vouchFor(owner), { skipTouch: true });
    return error === undefined;
  }
}

function ownerOf(credential: VouchedCredential | null): VouchedSession | null {
  if (credential === null) return null;
  const { sessionId, userId, tenantId } = credential;
  return { sessionId, userId, tenantId };
}
