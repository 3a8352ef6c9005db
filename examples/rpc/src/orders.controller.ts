import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { CurrentUserId } from 'nestjs-identity-session';

// #region messages
/** Messages look like `{ headers: { authorization: 'Bearer …' }, item: 'book' }`. */
@Controller()
export class OrdersController {
  @MessagePattern('orders.place')
  place(@Payload('item') item: string, @CurrentUserId() userId: string) {
    return { item, for: userId };
  }
}
// #endregion
