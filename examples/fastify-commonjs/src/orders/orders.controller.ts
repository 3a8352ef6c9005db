import { Body, Controller, Get, Post, UseGuards } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { CurrentUserId, SessionGuard } from 'nestjs-identity-session';
import { Repository } from 'typeorm';
import { Order } from './order.entity';

// #region controller
@Controller('orders')
@UseGuards(SessionGuard)
export class OrdersController {
  constructor(@InjectRepository(Order) private readonly orders: Repository<Order>) {}

  @Post()
  place(@CurrentUserId() userId: string, @Body() { item }: { item: string }) {
    return this.orders.save({ userId, item });
  }

  @Get()
  mine(@CurrentUserId() userId: string) {
    return this.orders.findBy({ userId });
  }
}
// #endregion
