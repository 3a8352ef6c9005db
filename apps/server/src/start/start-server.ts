import type { Server } from 'node:http';
import type { INestApplication, LoggerService } from '@nestjs/common';
import { ensureAdministrator, type FirstAdministrator } from '../accounts/first-administrator.js';
import type { HttpConfig, ServerConfig } from '../config/server-config.js';
import { prepareDatabase } from '../database/prepare-database.js';
import { ApiDescription } from '../docs/api-description.js';
import { createApplication } from '../http/create-application.js';
import { InFlightRequests } from '../http/in-flight-requests.js';
import { resealSecrets } from '../second-factor/reseal-secrets.js';
import { ServerModule } from '../server.module.js';
import { openDatabase, type OpenDatabase } from './open-database.js';

/** Requests that take longer are cut off when the server stops. */
const DRAIN_MS = 4_000;

/**
 * Connections that wait to be accepted, as far as the kernel lets them. With Node's 511 some are reset where thousands of
 * sockets come back at once.
 */
const BACKLOG = 4_096;

/** A server that listens. */
export interface RunningServer {
  /** `http://127.0.0.1:3000` */
  readonly url: string;
  readonly administrator: FirstAdministrator;
  readonly database: string;
  /** Takes no more requests, answers those it has, writes what is buffered, then stops what was started with it. */
  stop(): Promise<void>;
}

/**
 * Starts everything in order, or nothing: what was started before a failure is stopped again.
 * @throws DatabaseUnreachable, EmbeddedPostgresError, IdentitySessionError `CONFIGURATION_INVALID`
 */
export async function startServer(
  config: ServerConfig,
  logger: LoggerService,
  signal?: AbortSignal,
): Promise<RunningServer> {
  const database = await openDatabase(config.database, (line) => {
    logger.debug?.(line, 'PostgreSQL');
  });
  try {
    return await serve(config, database, logger, signal);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function serve(
  config: ServerConfig,
  database: OpenDatabase,
  logger: LoggerService,
  signal: AbortSignal | undefined,
): Promise<RunningServer> {
  const administrator = await prepareDatabase(
    database.url,
    async (dataSource) => {
      await resealSecrets(dataSource, config.session.tokenKeys, logger);
      return ensureAdministrator(dataSource, config.administrator);
    },
    signal,
  );
  try {
    return await serveWith(config, database, administrator, logger, signal);
  } catch (error) {
    // Made and stored already: it would be lost with this start.
    const { email, madeUpPassword } = administrator;
    if (madeUpPassword !== null) process.stdout.write(`Administrator: ${email}\nPassword: ${madeUpPassword}\n`);
    throw error;
  }
}

async function serveWith(
  config: ServerConfig,
  database: OpenDatabase,
  administrator: FirstAdministrator,
  logger: LoggerService,
  signal: AbortSignal | undefined,
): Promise<RunningServer> {
  const app = await createApplication(ServerModule.of(config, database.url), config, logger);
  try {
    const inFlight = new InFlightRequests(app.getHttpServer() as Server);
    app.get(ApiDescription, { strict: false }).comesFrom(async () => {
      // Swagger takes a sixth of the start, and most servers are never asked.
      const { describeApi } = await import('../docs/open-api.js');
      return describeApi(app, config.session.cookieSecure);
    });
    await app.init();
    signal?.throwIfAborted();
    await listen(app, config.http, logger);
    return {
      url: urlOf(app.getHttpServer() as Server, config.http.host),
      administrator,
      database: database.description,
      stop: async () => {
        await inFlight.drain(DRAIN_MS);
        await app.close();
        await database.close();
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Nest writes an error of its own about a port in use; the caller tells that better. */
async function listen(app: INestApplication, { port, host }: HttpConfig, logger: LoggerService): Promise<void> {
  app.useLogger(false);
  try {
    // Both adapters of Nest take what Node takes; the declarations know a port alone.
    await app.listen({ port, host, backlog: BACKLOG } as unknown as number);
  } finally {
    app.useLogger(logger);
  }
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
