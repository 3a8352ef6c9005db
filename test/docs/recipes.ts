// What docs/recipes.md and docs/administration.md show and no example has; compiled with the tests.
import { Body, Controller, Injectable, Module, Post, Req, Res } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  type AdministrationAction,
  AllowAnonymous,
  AllowPendingSession,
  CurrentSession,
  IdentitySessionModule,
  missingRequirements,
  policyPreset,
  type ProtectedSessionAccessPolicy,
  type Session,
  type SessionAccessPolicy,
  type SessionExchange,
  type SessionScope,
  SessionService,
  type SettingsAccessPolicy,
  type SettingsScope,
} from 'nestjs-identity-session';

interface Member {
  readonly role: 'admin' | 'tenant-admin' | 'team-lead' | 'support' | 'security';
  readonly tenantId: string;
}

/** Your own tables. */
export abstract class StaffService {
  abstract find(userId: string): Promise<Member | undefined>;
  abstract teamOf(userId: string): Promise<{ tenantId: string; userId: string }[]>;
}

// #region access
@Injectable()
export class AccessRules implements SessionAccessPolicy, SettingsAccessPolicy, ProtectedSessionAccessPolicy {
  constructor(private readonly staff: StaffService) {}

  async scopeFor(actor: Session, action: AdministrationAction): Promise<SessionScope | null> {
    const { userId, tenantId } = actor;
    const member = await this.staff.find(userId);
    switch (member?.role) {
      case 'admin':
      case 'security':
        return { kind: 'all' };
      case 'tenant-admin':
        return { kind: 'tenant', tenantId: member.tenantId };
      case 'team-lead':
        return { kind: 'users', users: await this.staff.teamOf(userId) };
      case 'support':
        return action === 'end' || action === 'read' ? { kind: 'impersonator', userId, tenantId } : null;
      default:
        return null;
    }
  }

  // Without this method nobody changes strategy, limits and lifetimes at run time.
  async settingsScopeFor({ userId }: Session): Promise<SettingsScope | null> {
    const member = await this.staff.find(userId);
    return member?.role === 'admin' ? { kind: 'all' } : null;
  }

  // Without this method nobody but their own users ends protected sessions.
  async protectedScopeFor({ userId }: Session): Promise<SessionScope | null> {
    const member = await this.staff.find(userId);
    return member?.role === 'security' ? { kind: 'all' } : null;
  }
}
// #endregion

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

/** Your own: who may sign in, and with what. */
export abstract class Credentials {
  abstract passwordOf(body: unknown): Promise<string>;
  abstract oneTimePassword(userId: string, code: string): Promise<void>;
}

// #region second-factor
@Controller('auth')
export class SecondFactorController {
  constructor(
    private readonly sessions: SessionService,
    private readonly credentials: Credentials,
  ) {}

  @AllowAnonymous()
  @Post('password')
  async password(
    @Body() body: unknown,
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<void> {
    const userId = await this.credentials.passwordOf(body); // throws where it is wrong
    const requirements = [
      { name: 'totp' },
      { name: 'four_eyes', approvers: { mode: 'any', of: ['bob', 'eve'] } as const },
    ];
    await this.sessions.signIn({ userId, pending: { requirements, timeLimitMs: 300_000 } }, { request, response });
  }

  @AllowPendingSession()
  @Post('totp')
  async totp(
    @CurrentSession() session: Session,
    @Body() { code }: { code: string },
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<{ missing: readonly string[] }> {
    await this.credentials.oneTimePassword(session.userId, code); // throws where it is wrong; each code once
    const exchange = { requirement: 'totp', assurance: 'aal2', request, response } as const;
    const { missing } = await this.sessions.complete(session, exchange);
    return { missing };
  }

  // Asked now and then while others must approve: after the last approval it is the client that becomes active.
  @AllowPendingSession()
  @Post('waiting')
  async waiting(
    @CurrentSession() session: Session,
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<{ missing: readonly string[] }> {
    const missing = missingRequirements(session);
    if (session.status === 'pending' && missing.length === 0)
      await this.sessions.complete(session, { request, response });
    return { missing };
  }
}
// #endregion
