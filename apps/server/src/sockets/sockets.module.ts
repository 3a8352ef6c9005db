import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { RoleAccessPolicy } from '../admin/role-access-policy.js';
import { DevicePresence } from './device-presence.js';
import { PresenceGateway } from './presence.gateway.js';
import { UserMessagesController } from './user-messages.controller.js';

@Module({
  imports: [AccountsModule],
  controllers: [UserMessagesController],
  providers: [DevicePresence, PresenceGateway, RoleAccessPolicy],
})
export class SocketsModule {}
