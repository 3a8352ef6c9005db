import {
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { CurrentSession, type Session, sessionOf, SkipSessionTouch } from 'nestjs-identity-session';
import type { Socket } from 'socket.io';
import { DevicePresence, type Presence } from './device-presence.js';

/** Tells users which of their devices are connected. The client's script is served with the example, and not here. */
@WebSocketGateway({ serveClient: false })
export class PresenceGateway implements OnGatewayConnection<Socket>, OnGatewayDisconnect<Socket> {
  readonly #presence = new DevicePresence();

  handleConnection(client: Socket): void {
    const session = sessionOf(client.handshake);
    // One that was refused at the last moment is told of as connected, and never as gone.
    if (session !== null && client.connected) this.#presence.came(client, session);
  }

  handleDisconnect(client: Socket): void {
    const session = sessionOf(client.handshake);
    if (session !== null) this.#presence.went(client, session);
  }

  /** As the event of that name, for a client that asks. */
  @SubscribeMessage('presence')
  @SkipSessionTouch()
  presence(@CurrentSession() session: Session): Presence {
    return this.#presence.of(session);
  }
}
