import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { SignInModule } from '../sign-in/sign-in.module.js';
import { MeController } from './me.controller.js';
import { TotpController } from './totp.controller.js';

@Module({ imports: [AccountsModule, SignInModule], controllers: [MeController, TotpController] })
export class MeModule {}
