// Loaded before the server, which has no routes for the data of sessions: what applications do in code is asked for by HTTP.
import { pathToFileURL } from 'node:url';
import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import {
  CurrentSession,
  IdentitySessionModule,
  type Session,
  type SessionData,
  SessionAdminService,
  SessionDataService,
} from 'nestjs-identity-session';
import type { ServerModule } from '../../../apps/server/src/server.module.js';

/** What is answered of the data of a session. */
export interface DataAnswer {
  readonly userId: string;
  readonly sessionId: string;
  readonly dataVersion: number;
  readonly data: SessionData;
}

@Controller('nemesis')
class NemesisController {
  constructor(
    @Inject(SessionDataService) private readonly data: SessionDataService,
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
  ) {}

  @Get('data')
  read(@CurrentSession() session: Session): DataAnswer {
    return answerOf(session);
  }

  @Post('data/merge')
  @HttpCode(200)
  async merge(@CurrentSession() session: Session, @Body() { patch }: { patch: SessionData }): Promise<DataAnswer> {
    return answerOf(await this.data.merge(session, patch));
  }

  @Post('data/set')
  @HttpCode(200)
  async set(
    @CurrentSession() session: Session,
    @Body() { data, ifVersion }: { data: SessionData; ifVersion: number },
  ): Promise<DataAnswer> {
    return answerOf(await this.data.set(session, data, { ifVersion }));
  }

  @Post('user-data')
  @HttpCode(200)
  async setUserData(
    @CurrentSession() { userId, tenantId }: Session,
    @Body() { patch }: { patch: SessionData },
  ): Promise<{ changed: number }> {
    return { changed: await this.data.setUserData({ userId, tenantId }, patch) };
  }

  /** The server's own route keeps the slot. */
  @Post('sessions/:id/suspend')
  @HttpCode(200)
  async suspend(
    @CurrentSession() { userId: by }: Session,
    @Param('id') id: string,
    @Body() { reason }: { reason: string },
  ): Promise<{ isThere: boolean }> {
    return { isThere: (await this.admin.suspend(id, { reason, by, slot: 'free' })) !== undefined };
  }
}

function answerOf({ userId, id: sessionId, dataVersion, data }: Session): DataAnswer {
  return { userId, sessionId, dataVersion, data };
}

/** For how long a revocation can be undone; the server leaves that off. */
const UNDO_WINDOW_MS = 15_000;

const withOptions = IdentitySessionModule.forRootAsync.bind(IdentitySessionModule);
IdentitySessionModule.forRootAsync = ({ useFactory, ...options }) =>
  withOptions({
    ...options,
    useFactory: async (...given: unknown[]) => ({
      ...(await useFactory?.(...given)),
      undo: { windowMs: UNDO_WINDOW_MS },
    }),
  });

const built = new URL('server.module.js', pathToFileURL(process.argv[1] ?? '')).href;
const { ServerModule: server } = (await import(built)) as { ServerModule: typeof ServerModule };
const moduleOf = server.of.bind(server);
server.of = (config, databaseUrl) => {
  const module = moduleOf(config, databaseUrl);
  return { ...module, controllers: [...(module.controllers ?? []), NemesisController] };
};
