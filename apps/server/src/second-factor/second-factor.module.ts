import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { TotpFactors } from './totp-factors.service.js';

@Module({ imports: [AccountsModule], providers: [TotpFactors], exports: [TotpFactors] })
export class SecondFactorModule {}
