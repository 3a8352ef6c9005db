import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CredentialsService } from './credentials.service.js';
import { SignInLimiter } from './sign-in-limiter.js';
import { SignInController } from './sign-in.controller.js';
import { SignInService } from './sign-in.service.js';

@Module({
  imports: [AccountsModule],
  controllers: [SignInController],
  providers: [CredentialsService, SignInLimiter, SignInService],
})
export class SignInModule {}
