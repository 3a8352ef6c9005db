import type { Socket } from 'socket.io';
import type { InboundMessages } from './inbound-messages.js';
import type { LocalConnections } from './local-connections.js';

/** Of socket.io, what its types keep to itself. */
interface Acknowledged {
  onack(packet: object): void;
}

/** socket.io asks nobody about what a client answers to a message. From here on it counts only while the session serves. */
export class AcknowledgementGate {
  /** One for all sockets: each has but a reference to it. */
  readonly #onack: (this: Socket, packet: object) => void;

  constructor(connections: Pick<LocalConnections, 'get'>, inbound: Pick<InboundMessages, 'answered'>) {
    this.#onack = function (packet) {
      const connection = connections.get(this.id);
      // One whose session is over is none any more, and waits for its turn to be closed.
      if (connection?.socket !== this) return;
      inbound.answered(connection, () => {
        (Object.getPrototypeOf(this) as Acknowledged).onack.call(this, packet);
      });
    };
  }

  guard(socket: Socket): void {
    Object.assign(socket, { onack: this.#onack });
  }
}
