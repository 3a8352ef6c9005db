import { Body, Delete, Get, HttpCode, Inject, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { SessionSettings } from '../../core/settings.js';
import { SessionAccess } from '../admin/session-access.js';
import { CurrentSession } from '../guard/route.decorators.js';
import type { Session } from '../session/session.js';
import {
  SessionSettingsService,
  type SettingsHistoryItem,
  type SettingsView,
} from '../settings/session-settings.service.js';
import { CHANGE_SETTINGS, RESET_SETTINGS, SETTINGS, SETTINGS_HISTORY } from './settings-queries.js';
import { NOTHING } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** Settings as JSON; times are ISO 8601. */
export type SettingsJson = Omit<SettingsView, 'changedAt' | 'isUsable'> & {
  readonly usable: boolean;
  readonly changedAt: string | null;
};

/** One change of settings as JSON. */
export type SettingsHistoryJson = Omit<SettingsHistoryItem, 'at' | 'tenantId'> & { readonly at: string };

/** Behind the guard. Settings at run time, within the scope that the application's policy gives. */
export class AdminSettingsController {
  constructor(
    @Inject(SessionSettingsService) private readonly settings: SessionSettingsService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
  ) {}

  @Get('settings')
  async find(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(SETTINGS)) { tenantId }: z.output<typeof SETTINGS>,
  ): Promise<SettingsJson> {
    const scope = await this.access.settingsScopeOf(actor);
    return settingsJson(await this.settings.find({ tenantId, scope }));
  }

  @Get('settings/history')
  async history(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(SETTINGS_HISTORY)) { tenantId, limit }: z.output<typeof SETTINGS_HISTORY>,
  ): Promise<{ items: SettingsHistoryJson[] }> {
    const scope = await this.access.settingsScopeOf(actor);
    return { items: (await this.settings.history({ tenantId, limit, scope })).map(historyJson) };
  }

  @Put('settings')
  async change(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(CHANGE_SETTINGS)) body: z.output<typeof CHANGE_SETTINGS>,
  ): Promise<SettingsJson> {
    const scope = await this.access.settingsScopeOf(actor);
    // The service checks what is in them, wherever they come from.
    const settings = body.settings as SessionSettings;
    return settingsJson(await this.settings.change({ ...body, settings, by: actor.userId, scope }));
  }

  @Delete('settings')
  @HttpCode(200)
  async reset(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(RESET_SETTINGS)) query: z.output<typeof RESET_SETTINGS>,
  ): Promise<SettingsJson> {
    const scope = await this.access.settingsScopeOf(actor);
    return settingsJson(await this.settings.reset({ ...query, by: actor.userId, scope }));
  }
}

function settingsJson({ isUsable, changedAt, ...rest }: SettingsView): SettingsJson {
  return { ...rest, usable: isUsable, changedAt: changedAt?.toISOString() ?? null };
}

function historyJson({ tenantId: _, at, ...rest }: SettingsHistoryItem): SettingsHistoryJson {
  return { ...rest, at: at.toISOString() };
}
