import { Get, Inject, Query } from '@nestjs/common';
import { SessionAccess } from '../admin/session-access.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import type { Session } from '../session/session.js';
import type { SessionStatistics } from '../stats/session-statistics.js';
import { NOTHING } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** `GET /admin/stats`: exactly these keys. */
export interface StatsJson extends Omit<SessionStatistics, 'nodes' | 'cleanup'> {
  readonly nodes: readonly {
    readonly name: string;
    readonly startedAt: string;
    readonly tailLagMs: number | null;
    readonly connections: number;
  }[];
  readonly cleanup: { readonly lastRunAt: string | null; readonly ended: number; readonly removed: number } | null;
}

/** Behind the guard. Numbers of sessions within the scope that the application's policy gives, and of nodes. */
export class AdminStatsController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
  ) {}

  @Get('stats')
  async stats(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
  ): Promise<StatsJson> {
    return statsToJson(await this.admin.stats(await this.access.scopeOf(actor, 'stats')));
  }
}

function statsToJson({ nodes, cleanup, ...counts }: SessionStatistics): StatsJson {
  const { live, byDeviceType, byClient, signedInLast24h, endedLast24h } = counts;
  return {
    live,
    byDeviceType,
    byClient,
    signedInLast24h,
    endedLast24h,
    nodes: nodes.map(({ name, startedAt, tailLagMs, connections }) => ({
      name,
      startedAt: new Date(startedAt).toISOString(),
      tailLagMs,
      connections,
    })),
    cleanup: cleanup && {
      lastRunAt: cleanup.lastRunAt === null ? null : new Date(cleanup.lastRunAt).toISOString(),
      ended: cleanup.ended,
      removed: cleanup.removed,
    },
  };
}
