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
  constructor(private readonly presences: DevicePresence) {}

  handleConnection(client: Socket): void {
    this.#changed(client);
  }

  handleDisconnect(client: Socket): void {
    this.#changed(client);
  }

  /** As the event of that name, for a client that asks. */
  @SubscribeMessage('presence')
  @SkipSessionTouch()
  presence(@CurrentSession() session: Session): Promise<Presence> {
    return this.presences.of(session);
  }

  #changed({ handshake }: Socket): void {
    const session = sessionOf(handshake);
    if (session !== null) this.presences.changed(session);
  }
}
