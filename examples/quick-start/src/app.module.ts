// #region readme
// app.module.ts
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  IdentitySessionModule,
  policyPreset,
  type Session,
  type SessionAccessPolicy,
  type SessionScope,
} from 'nestjs-identity-session';
import { AuthController } from './auth.controller.js';
import { isAdministrator } from './users.js'; // your application's own

/** Whose sessions somebody may see and revoke, under /admin. */
class AccessPolicy implements SessionAccessPolicy {
  scopeFor(actor: Session): SessionScope | null {
    return isAdministrator(actor.userId) ? { kind: 'all' } : null;
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: process.env.DATABASE_URL }),
    IdentitySessionModule.forRoot({
      policy: policyPreset('LogoutFromSameTypeDevicesLimit', 5), // a sixth browser signs out the oldest
      cookie: { secure: process.env.NODE_ENV === 'production' }, // plain http on your own machine
      globalGuard: true, // every route needs a session, unless it says @AllowAnonymous()
      accessPolicy: AccessPolicy,
    }),
  ],
  controllers: [AuthController],
})
export class AppModule {}
// #endregion
