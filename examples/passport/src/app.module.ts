import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule } from 'nestjs-identity-session';
import { AuthController } from './auth.controller.js';
import { LocalStrategy } from './local.strategy.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: process.env.DATABASE_URL }),
    IdentitySessionModule.forRoot({
      cookie: { secure: process.env.NODE_ENV === 'production' },
      globalGuard: true,
    }),
  ],
  controllers: [AuthController],
  providers: [LocalStrategy],
})
export class AppModule {}
