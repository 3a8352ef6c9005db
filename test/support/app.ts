import type { Server } from 'node:http';
import {
  Body,
  Controller,
  Delete,
  Get,
  type INestApplication,
  type LoggerService,
  Module,
  Post,
  type Provider,
  Req,
  Res,
} from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  AllowAnonymous,
  CurrentSession,
  CurrentUserId,
  IdentitySessionModule,
  type IdentitySessionModuleExtras,
  type IdentitySessionOptions,
  type Session,
  type SessionAccessPolicy,
  SessionService,
  type SettingsAccessPolicy,
  type SettingsScope,
  type SignInInput,
} from 'nestjs-identity-session';
import type { Logger as SqlLogger } from 'typeorm';
import { sessionDatabase } from './session-database.js';

const KEEP_ALIVE_MS = 72_000;
/** The place for all is taken at once, and for the default that costs each application 4 MB and 30 ms. */
const CACHED_SESSIONS = 10_000;

/** Whoever is called admin administrates everybody; `admin@x` the tenant x; nobody else anybody. */
export class TestAccessPolicy implements SessionAccessPolicy, SettingsAccessPolicy {
  scopeFor(actor: Session): SettingsScope | null {
    return this.settingsScopeFor(actor);
  }

  settingsScopeFor(actor: Session): SettingsScope | null {
    if (actor.userId === 'admin') return { kind: 'all' };
    const [role, tenantId] = actor.userId.split('@');
    return role === 'admin' && tenantId !== undefined ? { kind: 'tenant', tenantId } : null;
  }
}

type SignInBody = SignInInput & { readonly transport?: 'cookie' | 'bearer' };

/** An application with everything guarded but the sign-in, which trusts whoever asks: tests are about sessions. */
@Controller()
class TestController {
  constructor(private readonly sessions: SessionService) {}

  @AllowAnonymous()
  @Post('sign-in')
  async signIn(@Body() body: SignInBody, @Req() request: unknown, @Res({ passthrough: true }) response: unknown) {
    const { transport = 'cookie', ...input } = body;
    const { session, token, evicted } = await this.sessions.signIn(input, { request, response, transport });
    return { id: session.id, token, evicted };
  }

  @Delete('sign-out')
  async signOut(@Req() request: unknown, @Res({ passthrough: true }) response: unknown) {
    await this.sessions.signOut({ request, response });
  }

  @Get('me')
  me(@CurrentSession() session: Session, @CurrentUserId() userId: string) {
    return { userId, sessionId: session.id };
  }
}

export interface TestApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly db: Awaited<ReturnType<typeof sessionDatabase>>;
  /** Closes the application, then drops its database. */
  close(): Promise<void>;
}

export interface TestAppOptions {
  readonly adapter?: 'express' | 'fastify';
  readonly options?: IdentitySessionOptions;
  readonly extras?: IdentitySessionModuleExtras;
  readonly controllers?: NonNullable<Parameters<typeof Module>[0]['controllers']>;
  readonly settings?: Readonly<Record<string, string>>;
  /** Makes the application another node on this one's database, which it leaves alone when it closes. */
  readonly joins?: TestApp;
  /** Where the application finds its database; what tests see through `db` stays direct. */
  readonly databaseUrl?: (url: string) => string | Promise<string>;
  /** Told of every statement that the application sends. */
  readonly onQuery?: (sql: string) => void;
  /** Gets what the application logs. Default: errors go to the console. */
  readonly logger?: LoggerService;
  /** Beside the test's own. */
  readonly providers?: readonly Provider[];
  /** Called before the application listens. */
  readonly configure?: (app: INestApplication) => void;
}

/** A listening application on a database of its own. Cookies are plain, since tests speak http. */
export async function startTestApp(given: TestAppOptions = {}): Promise<TestApp> {
  const db = given.joins?.db ?? (await sessionDatabase(given.settings));
  const direct = db.database.url;
  const url = (await given.databaseUrl?.(direct)) ?? direct;
  const logger = given.onQuery === undefined ? {} : { logger: sqlLogger(given.onQuery) };
  const moduleRef = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url, extra: { max: 8 }, ...logger }),
      IdentitySessionModule.forRoot({
        cookie: { secure: false },
        cache: { maxSessions: CACHED_SESSIONS },
        ...given.options,
        globalGuard: true,
        isGlobal: true,
        accessPolicy: TestAccessPolicy,
        ...given.extras,
      }),
    ],
    controllers: [TestController, ...(given.controllers ?? [])],
    providers: [...(given.providers ?? [])],
  }).compile();
  const app =
    given.adapter === 'fastify'
      ? moduleRef.createNestApplication(await fastifyAdapter())
      : moduleRef.createNestApplication();
  if (given.logger !== undefined) app.useLogger(given.logger);
  app.enableShutdownHooks([]);
  given.configure?.(app);
  // As long as Fastify's, so that no request of a slow test goes out on a connection that is being closed for idleness.
  (app.getHttpServer() as Server).keepAliveTimeout = KEEP_ALIVE_MS;
  await app.listen(0, '127.0.0.1');
  return {
    app,
    url: await app.getUrl(),
    db,
    close: async () => {
      await app.close();
      if (given.joins === undefined) await db.close();
    },
  };
}

/** Most files do without, and every file loads what it imports anew. */
async function fastifyAdapter(): Promise<FastifyAdapter> {
  return new (await import('@nestjs/platform-fastify')).FastifyAdapter();
}

function sqlLogger(onQuery: (sql: string) => void): SqlLogger {
  const ignore = () => undefined;
  return {
    logQuery: onQuery,
    logQueryError: ignore,
    logQuerySlow: ignore,
    logSchemaBuild: ignore,
    logMigration: ignore,
    log: ignore,
  };
}
