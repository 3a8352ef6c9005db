import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Session, SessionIds } from 'nestjs-identity-session';
import { ConnectionRegistry, SessionMessenger } from 'nestjs-identity-session/sockets';

/** What clients get as `presence`: the devices of their user that are connected. Names are under `GET /sessions`. */
export interface Presence {
  readonly devices: readonly ConnectedDevice[];
}

export interface ConnectedDevice {
  readonly sessionId: string;
  /** Windows and the like. */
  readonly connections: number;
  /** ISO 8601, of the oldest of them. */
  readonly since: string;
}

type User = Pick<Session, 'userId' | 'tenantId'>;

/** Other nodes have written down by then what they had at the time of a change. */
const SETTLED_MS = 500;

/**
 * Tells every device of a user, on all nodes, which of their devices are connected. Of a node that has died nobody tells;
 * a client that wants to be sure asks from time to time.
 */
@Injectable()
export class DevicePresence implements OnApplicationShutdown {
  /** By user, so that one who is about to be told is told once. */
  readonly #changed = new Map<string, User>();
  #isTelling = false;
  #isStopped = false;

  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly messenger: SessionMessenger,
    private readonly ids: SessionIds,
  ) {}

  /** @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` */
  async of({ userId, tenantId }: User): Promise<Presence> {
    const devices = new Map<string, ConnectedDevice>();
    for (const { sessionId, connectedAt } of await this.registry.ofUser({ userId, tenantId })) {
      if (sessionId === null) continue;
      const { connections, since } = devices.get(sessionId) ?? {
        connections: 0,
        since: new Date(connectedAt).toISOString(),
      };
      devices.set(sessionId, { sessionId: this.ids.encode(sessionId), connections: connections + 1, since });
    }
    return { devices: [...devices.values()] };
  }

  /** A connection of the user came or went on this node. */
  changed(user: User): void {
    this.#tellSoon(user);
    setTimeout(() => {
      this.#tellSoon(user);
    }, SETTLED_MS).unref();
  }

  onApplicationShutdown(): void {
    this.#isStopped = true;
    this.#changed.clear();
  }

  #tellSoon({ userId, tenantId }: User): void {
    if (this.#isStopped) return;
    this.#changed.set(JSON.stringify([tenantId, userId]), { userId, tenantId });
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => void this.#tellAll());
  }

  /** One user after the other: when everybody comes back at once, the database is for handshakes first. */
  async #tellAll(): Promise<void> {
    for (const [key, user] of this.#changed) {
      this.#changed.delete(key);
      try {
        await this.messenger.sendToUser(user, 'presence', await this.of(user), { confirm: false });
      } catch {
        // The database is away. What comes next tells, or the client asks.
      }
    }
    this.#isTelling = false;
  }
}
