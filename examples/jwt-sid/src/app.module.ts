import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule, SessionGuard, VouchedSessionExtractor } from 'nestjs-identity-session';
import { AuthController } from './auth.controller.js';
import { Jwts } from './jwts.js';
import { JwtGuard } from './jwt.guard.js';

// #region module
@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: process.env.DATABASE_URL }),
    IdentitySessionModule.forRoot({ extractors: [new VouchedSessionExtractor()] }), // JWTs, and nothing else
  ],
  controllers: [AuthController],
  // In this order: the first verifies the JWT, the second asks whether its session still lives.
  providers: [Jwts, { provide: APP_GUARD, useClass: JwtGuard }, { provide: APP_GUARD, useExisting: SessionGuard }],
})
export class AppModule {}
// #endregion
