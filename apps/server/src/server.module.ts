import { Logger, Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, DiscoveryModule, MetadataScanner } from '@nestjs/core';
import { ScheduleModule } from '@nestjs/schedule';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule } from 'nestjs-identity-session';
import { sessionSockets } from 'nestjs-identity-session/sockets';
import { AccountsModule } from './accounts/accounts.module.js';
import { AdminModule } from './admin/admin.module.js';
import { RoleAccessPolicy } from './admin/role-access-policy.js';
import { ConfigModule } from './config/config.module.js';
import type { ServerConfig } from './config/server-config.js';
import { SERVER_CONFIG } from './config/server-config.token.js';
import { dataSourceOptions } from './database/data-source-options.js';
import { DocsModule } from './docs/docs.module.js';
import { ExampleController } from './example/example.controller.js';
import { HealthController } from './health/health.controller.js';
import { JsonBodyInterceptor } from './http/json-body.interceptor.js';
import { RouteTable } from './http/route-table.js';
import { ServerExceptionFilter } from './http/server-exception.filter.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { ServerMetrics } from './metrics/server-metrics.js';
import { MeModule } from './me/me.module.js';
import { SignInModule } from './sign-in/sign-in.module.js';
import { SocketsModule } from './sockets/sockets.module.js';
import { sessionOptions } from './start/session-options.js';

/** The reference server: accounts of its own, and the session library for all that follows a sign-in. */
@Module({})
export class ServerModule {
  static of(config: ServerConfig, databaseUrl: string): DynamicModule {
    const logger = new Logger('PostgreSQL');
    return {
      module: ServerModule,
      imports: [
        ConfigModule.of(config),
        TypeOrmModule.forRoot({
          ...dataSourceOptions(databaseUrl, 'serving'),
          poolErrorHandler: (error: Error) => {
            logger.warn(`An idle connection was lost: ${error.message}`);
          },
        }),
        ScheduleModule.forRoot(),
        IdentitySessionModule.forRootAsync({
          imports: [AccountsModule],
          inject: [SERVER_CONFIG],
          useFactory: sessionOptions,
          isGlobal: true,
          globalGuard: true,
          rest: {},
          accessPolicy: RoleAccessPolicy,
          // Its options follow those of the module: the allowed origins are those of requests.
          sockets: sessionSockets(),
        }),
        DiscoveryModule,
        SignInModule,
        MeModule,
        AdminModule,
        DocsModule,
        SocketsModule,
      ],
      controllers: [ExampleController, HealthController, MetricsController],
      providers: [
        RouteTable,
        ServerMetrics,
        MetadataScanner,
        { provide: APP_FILTER, useClass: ServerExceptionFilter },
        { provide: APP_INTERCEPTOR, useClass: JsonBodyInterceptor },
      ],
    };
  }
}
