import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule } from 'nestjs-identity-session';
import { AuthModule } from './auth/auth.module';
import { OrdersModule } from './orders/orders.module';

// #region module
@Module({
  imports: [
    // The application's own database …
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: process.env.DATABASE_URL,
      autoLoadEntities: true,
      synchronize: true, // an example's way; yours has migrations
    }),
    // … and another one for the sessions, with a pool of its own.
    TypeOrmModule.forRoot({ name: 'sessions', type: 'postgres', url: process.env.SESSIONS_DATABASE_URL }),
    IdentitySessionModule.forRoot({
      dataSource: 'sessions',
      isGlobal: true, // so that each module can guard its controllers
      rest: { prefix: 'api' }, // GET /api/sessions, …
      cookie: { secure: process.env.NODE_ENV === 'production' },
    }),
    AuthModule,
    OrdersModule,
  ],
})
export class AppModule {}
// #endregion
