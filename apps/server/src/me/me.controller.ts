import { Controller, Get } from '@nestjs/common';
import { CurrentSession, IdentitySessionError, type Session, SessionIds } from 'nestjs-identity-session';
import type { AccountRole } from '../accounts/account-role.js';
import { AccountsService } from '../accounts/accounts.service.js';

/** An account as its owner sees it. */
export interface MyAccountJson {
  readonly userId: string;
  readonly email: string;
  readonly role: AccountRole;
  readonly tenantId: string | null;
  /** What a sign-in needs beside the password. */
  readonly factors: readonly 'totp'[];
}

@Controller('me')
export class MeController {
  constructor(
    private readonly accounts: AccountsService,
    private readonly ids: SessionIds,
  ) {}

  /** Who is signed in here. */
  @Get()
  me(@CurrentSession() session: Session): { userId: string; sessionId: string } {
    return { userId: session.userId, sessionId: this.ids.encode(session.id) };
  }

  /** One's own account. */
  @Get('account')
  async account(@CurrentSession() { userId }: Session): Promise<MyAccountJson> {
    const account = await this.accounts.findEnabled(userId);
    if (account === null) throw new IdentitySessionError('SESSION_INVALID', 'The account is gone. Sign in again.');
    const { email, role, tenantId, totpEnabledAt } = account;
    return { userId, email, role, tenantId, factors: totpEnabledAt === null ? [] : ['totp'] };
  }
}
