// What docs/recipes.md shows and no example has; compiled with the tests.
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  IdentitySessionModule,
  policyPreset,
  type Session,
  type SessionAccessPolicy,
  type SessionExchange,
  type SessionScope,
  SessionService,
} from 'nestjs-identity-session';

// #region tenants
/** Administrators of a tenant see and revoke its sessions, and no others. */
export class TenantAccessPolicy implements SessionAccessPolicy {
  scopeFor(actor: Session): SessionScope | null {
    const isAdministrator = actor.data['role'] === 'tenant-admin'; // or ask your own tables
    return isAdministrator && actor.tenantId !== null ? { kind: 'tenant', tenantId: actor.tenantId } : null;
  }
}

export async function signInToTenant(
  sessions: SessionService,
  user: { id: string; tenantId: string; role: string },
  exchange: SessionExchange,
): Promise<void> {
  const { id: userId, tenantId, role } = user;
  await sessions.signIn({ userId, tenantId, data: { role } }, exchange);
}

export const tenants = IdentitySessionModule.forRoot({
  accessPolicy: TenantAccessPolicy,
  // Chosen per sign-in: by tenant, client, device or the roles that the sign-in names.
  policy: ({ tenantId }) =>
    tenantId === 'bank' ? policyPreset('LogoutFromAllDevices') : policyPreset('LogoutFromSameTypeDevicesLimit', 5),
});
// #endregion

// #region proxy
export const behindProxy = IdentitySessionModule.forRoot({
  trustProxyHops: 1, // one proxy of yours appends to X-Forwarded-For
});
// #endregion

// #region pgbouncer
const { DATABASE_URL = '', DATABASE_DIRECT_URL = '' } = process.env;

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: DATABASE_URL }), // PgBouncer, pool_mode=transaction
    IdentitySessionModule.forRoot({ directUrl: DATABASE_DIRECT_URL }), // PostgreSQL itself
  ],
})
export class BehindPgBouncerModule {}
// #endregion
