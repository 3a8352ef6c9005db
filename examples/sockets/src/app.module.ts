import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule } from 'nestjs-identity-session';
import { sessionSockets } from 'nestjs-identity-session/sockets';
import { AuthController } from './auth.controller.js';
import { OrdersGateway } from './orders.gateway.js';

// #region sockets
@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: process.env.DATABASE_URL }),
    IdentitySessionModule.forRoot({
      cookie: { secure: process.env.NODE_ENV === 'production' },
      globalGuard: true,
      sockets: sessionSockets(),
    }),
  ],
  controllers: [AuthController],
  providers: [OrdersGateway],
})
export class AppModule {}
// #endregion
