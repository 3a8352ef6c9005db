import { Body, Controller, Delete, HttpCode, HttpStatus, Param, Patch, Post } from '@nestjs/common';
import { CurrentSession, ZodValidationPipe, type Session } from 'nestjs-identity-session';
import { accountToJson, type AccountJson } from '../accounts/account-json.js';
import { changeAccountSchema, createAccountSchema } from './accounts-admin.schemas.js';
import { AccountsAdminService } from './accounts-admin.service.js';
import { AdministratorsService } from './administrators.service.js';

const newAccount = new ZodValidationPipe(createAccountSchema);
const accountChange = new ZodValidationPipe(changeAccountSchema);

/** Bodies are checked behind the right to send them: whoever may not is told that, and nothing about the body. */
@Controller('admin/accounts')
export class AccountsAdminController {
  constructor(
    private readonly administrators: AdministratorsService,
    private readonly accounts: AccountsAdminService,
  ) {}

  /** Makes an account. */
  @Post()
  async create(@CurrentSession() session: Session, @Body() body: unknown): Promise<AccountJson> {
    const actor = await this.administrators.actorOf(session);
    return accountToJson(await this.accounts.create(actor, newAccount.transform(body)));
  }

  /** Disables or enables an account, or gives it another role. */
  @Patch(':id')
  async change(
    @CurrentSession() session: Session,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<AccountJson> {
    const actor = await this.administrators.actorOf(session);
    return accountToJson(await this.accounts.change(actor.id, id, accountChange.transform(body)));
  }

  /** Takes the second factor from somebody who has lost it. */
  @Delete(':id/factors/totp')
  @HttpCode(HttpStatus.NO_CONTENT)
  async removeSecondFactor(@CurrentSession() session: Session, @Param('id') id: string): Promise<void> {
    const actor = await this.administrators.actorOf(session);
    await this.accounts.removeSecondFactor(actor.id, id);
  }
}
