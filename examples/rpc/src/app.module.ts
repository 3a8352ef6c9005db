import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule } from 'nestjs-identity-session';
import { AuthController } from './auth.controller.js';
import { OrdersController } from './orders.controller.js';

// #region module
@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: process.env.DATABASE_URL }),
    IdentitySessionModule.forRoot({
      globalGuard: true,
      // TCP messages have no headers of their own: ours carry them beside the payload.
      rpcHeaders: (message) => message.getData<{ headers?: object } | undefined>()?.headers,
    }),
  ],
  controllers: [AuthController, OrdersController],
})
export class AppModule {}
// #endregion
