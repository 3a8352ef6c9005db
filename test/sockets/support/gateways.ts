import { UseGuards } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { CurrentSession, OptionalSession, RequireAssurance, type Session, SessionGuard } from 'nestjs-identity-session';
import type { Socket } from 'socket.io';

/** Tells a client who it is taken for. */
@WebSocketGateway()
export class WhoamiGateway {
  @OptionalSession()
  @SubscribeMessage('whoami')
  whoami(@ConnectedSocket() client: Socket, @CurrentSession() session: Session | null): object {
    return { id: client.id, userId: session?.userId ?? null, sessionId: session?.id ?? null };
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() body: unknown): object {
    return { body };
  }

  @UseGuards(SessionGuard)
  @RequireAssurance('aal2')
  @SubscribeMessage('transfer')
  transfer(): object {
    return { done: true };
  }
}

@WebSocketGateway({ namespace: 'chat' })
export class ChatGateway {
  @SubscribeMessage('whoami')
  whoami(@CurrentSession() session: Session): object {
    return { userId: session.userId };
  }
}

/** Gives back to who was away for a moment what they had. */
@WebSocketGateway({ connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: true } })
export class RecoveringGateway {
  @SubscribeMessage('whoami')
  whoami(@CurrentSession() session: Session): object {
    return { userId: session.userId };
  }
}
