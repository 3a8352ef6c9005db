import type { Type } from '@nestjs/common';
import { AdminAddressesController } from './admin-addresses.controller.js';
import { AdminCutOffsController } from './admin-cut-offs.controller.js';
import { AdminExportController } from './admin-export.controller.js';
import { AdminHistoryController } from './admin-history.controller.js';
import { AdminJobsController } from './admin-jobs.controller.js';
import { AdminSessionsController } from './admin-sessions.controller.js';
import { AdminSettingsController } from './admin-settings.controller.js';
import { AdminStatsController } from './admin-stats.controller.js';
import { AdminUndoController } from './admin-undo.controller.js';
import { AdminUserDataController } from './admin-user-data.controller.js';
import { AdminUsersController } from './admin-users.controller.js';

/** The administrators' controllers, all below `/admin`. Their paths are in `routes.ts`. */
export const ADMIN_CONTROLLERS: readonly Type<object>[] = [
  AdminSessionsController,
  AdminUndoController,
  AdminUsersController,
  AdminUserDataController,
  AdminCutOffsController,
  AdminExportController,
  AdminHistoryController,
  AdminJobsController,
  AdminSettingsController,
  AdminStatsController,
  AdminAddressesController,
];
