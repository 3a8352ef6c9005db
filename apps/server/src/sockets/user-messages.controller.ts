import { Body, Controller, HttpCode, HttpStatus, NotFoundException, Param, Post } from '@nestjs/common';
import { CurrentSession, IdentitySessionError, type Session, ZodValidationPipe } from 'nestjs-identity-session';
import { SessionMessenger } from 'nestjs-identity-session/sockets';
import { AccountsService } from '../accounts/accounts.service.js';
import { RoleAccessPolicy } from '../admin/role-access-policy.js';
import { userMessageSchema } from './user-messages.schemas.js';

const userMessage = new ZodValidationPipe(userMessageSchema);

/** What became of a message. */
export interface MessageAnswer {
  /** Connections that it was written to. */
  readonly reached: number;
  /** Connections that did not take it. */
  readonly failed: number;
  /** Whether no device of the user is connected anywhere. */
  readonly offline: boolean;
  /** Whether all nodes have answered; if not, it may have reached more. */
  readonly complete: boolean;
}

/** What administrators tell users, on all of their devices that are connected. Nothing of it is kept. */
@Controller('admin/users')
export class UserMessagesController {
  constructor(
    private readonly policy: RoleAccessPolicy,
    private readonly accounts: AccountsService,
    private readonly messenger: SessionMessenger,
  ) {}

  /** Clients get `message { text, at }`. A user outside the administrator's scope is answered like none. */
  @Post(':userId/messages')
  @HttpCode(HttpStatus.OK)
  async send(
    @CurrentSession() session: Session,
    @Param('userId') userId: string,
    @Body() body: unknown,
  ): Promise<MessageAnswer> {
    const scope = await this.policy.scopeFor(session);
    if (scope === null) throw new IdentitySessionError('FORBIDDEN', 'This is for administrators.');
    const { text } = userMessage.transform(body);
    const account = await this.accounts.findEnabled(userId);
    if (account === null || (scope.kind === 'tenant' && account.tenantId !== scope.tenantId)) {
      throw new NotFoundException('There is no such account.');
    }
    const user = { userId, tenantId: account.tenantId };
    const message = { text, at: new Date().toISOString() };
    const { reached, failed, outcome, isComplete } = await this.messenger.sendToUser(user, 'message', message);
    return { reached, failed, offline: outcome === 'offline', complete: isComplete };
  }
}
