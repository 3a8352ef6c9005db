import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { SecondFactorModule } from '../second-factor/second-factor.module.js';
import { AccountsAdminController } from './accounts-admin.controller.js';
import { AccountsAdminService } from './accounts-admin.service.js';
import { AdministratorsService } from './administrators.service.js';

@Module({
  imports: [AccountsModule, SecondFactorModule],
  controllers: [AccountsAdminController],
  providers: [AccountsAdminService, AdministratorsService],
})
export class AdminModule {}
