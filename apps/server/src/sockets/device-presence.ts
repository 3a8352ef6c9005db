import type { Session } from 'nestjs-identity-session';
import type { Socket } from 'socket.io';

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

interface Device {
  readonly since: string;
  readonly sockets: Set<Socket>;
}

/** Tells every device of a user which of their devices are connected, whenever one comes or goes. */
export class DevicePresence {
  readonly #devices = new Map<string, Map<string, Device>>();
  readonly #changed = new Set<string>();

  of({ userId }: Session): Presence {
    return this.#presenceOf(userId);
  }

  came(socket: Socket, { userId, id }: Session): void {
    const devices = this.#devices.get(userId) ?? new Map<string, Device>();
    this.#devices.set(userId, devices);
    const device = devices.get(id) ?? { since: new Date(socket.handshake.issued).toISOString(), sockets: new Set() };
    devices.set(id, device);
    device.sockets.add(socket);
    this.#tellSoon(userId);
  }

  went(socket: Socket, { userId, id }: Session): void {
    const devices = this.#devices.get(userId);
    const device = devices?.get(id);
    if (device?.sockets.delete(socket) !== true) return;
    if (device.sockets.size === 0) devices?.delete(id);
    if (devices?.size === 0) this.#devices.delete(userId);
    this.#tellSoon(userId);
  }

  /** Once for all that come and go together. */
  #tellSoon(userId: string): void {
    if (this.#changed.size === 0) {
      setImmediate(() => {
        const users = [...this.#changed];
        this.#changed.clear();
        for (const user of users) this.#tell(user);
      });
    }
    this.#changed.add(userId);
  }

  #tell(userId: string): void {
    const presence = this.#presenceOf(userId);
    for (const { sockets } of this.#devices.get(userId)?.values() ?? []) {
      for (const socket of sockets) socket.emit('presence', presence);
    }
  }

  #presenceOf(userId: string): Presence {
    const devices = [...(this.#devices.get(userId) ?? [])];
    return {
      devices: devices.map(([sessionId, { since, sockets }]) => ({ sessionId, connections: sockets.size, since })),
    };
  }
}
