import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { CurrentUserId, RequireAssurance, SessionGuard } from 'nestjs-identity-session';

@WebSocketGateway()
@UseGuards(SessionGuard) // a global guard reaches gateways from Nest 12 on
export class OrdersGateway {
  @SubscribeMessage('orders')
  orders(@CurrentUserId() userId: string) {
    return { of: userId };
  }

  @RequireAssurance('aal2')
  @SubscribeMessage('pay')
  pay() {
    return { paid: true };
  }
}
