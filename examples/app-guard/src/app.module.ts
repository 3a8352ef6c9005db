import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule, SessionGuard } from 'nestjs-identity-session';
import { AuthController } from './auth.controller.js';
import { DocumentsController } from './documents.controller.js';
import { RolesGuard } from './roles.guard.js';

// #region app-guard
@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: process.env.DATABASE_URL }),
    IdentitySessionModule.forRoot({ cookie: { secure: process.env.NODE_ENV === 'production' } }),
  ],
  controllers: [AuthController, DocumentsController],
  // Guards run in this order: first who it is, then what they may.
  providers: [
    { provide: APP_GUARD, useExisting: SessionGuard },
    { provide: APP_GUARD, useClass: RolesGuard },
  ],
})
export class AppModule {}
// #endregion
