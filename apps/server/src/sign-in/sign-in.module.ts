import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { SecondFactorModule } from '../second-factor/second-factor.module.js';
import { CredentialsService } from './credentials.service.js';
import { OneTimePasswordsService } from './one-time-passwords.service.js';
import { SecondFactorService } from './second-factor.service.js';
import { SignInAttempts } from './sign-in-attempts.js';
import { SignInLimiter } from './sign-in-limiter.js';
import { SignInController } from './sign-in.controller.js';
import { SignInService } from './sign-in.service.js';

@Module({
  imports: [AccountsModule, SecondFactorModule],
  controllers: [SignInController],
  providers: [
    CredentialsService,
    OneTimePasswordsService,
    SecondFactorService,
    SignInAttempts,
    SignInLimiter,
    SignInService,
  ],
  exports: [SecondFactorService],
})
export class SignInModule {}
