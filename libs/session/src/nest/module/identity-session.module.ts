import {
  ConfigurableModuleBuilder,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { SessionAccess } from '../admin/session-access.js';
import type { SessionAccessPolicy } from '../admin/session-access-policy.js';
import { SessionGuard } from '../guard/session.guard.js';
import type { SessionHooks } from '../hooks/session-hooks.js';
import type { IdentitySessionOptions } from '../options/identity-session-options.js';
import { IdentitySessionErrorFilter } from '../problem/problem.filters.js';
import { RequestSessionsInterceptor } from '../request/request-sessions.interceptor.js';
import { ADMIN_CONTROLLERS } from '../rest/admin-controllers.js';
import { methodNotAllowed } from '../rest/method-not-allowed.js';
import { mountedAt } from '../rest/mount.js';
import { RestoreController } from '../rest/restore.controller.js';
import { pathsOf, routeTable } from '../rest/routes.js';
import { SessionIds } from '../session/session-ids.js';
import { SessionsController } from '../rest/sessions.controller.js';
import {
  GUARD_DEPENDENCIES,
  identitySessionProviders,
  PUBLIC_PROVIDERS,
  REQUEST_DEPENDENCIES,
} from './identity-session.providers.js';
import { OPTIONS_AS_GIVEN, SESSION_ACCESS_POLICY, SESSION_HOOKS } from './tokens.js';

/** What must be known before the options are, because it decides what the module consists of. */
export interface IdentitySessionModuleExtras {
  /** Exports to every module. Default false. */
  readonly isGlobal?: boolean;
  /** The name of the DataSource to use. Default: the default one. */
  readonly dataSource?: string | undefined;
  /** Guards every route of the application; `@AllowAnonymous()` opens one. Default false. */
  readonly globalGuard?: boolean;
  /** Opens the collection of `RequestSessions` around every handler of the application. Default false. */
  readonly perRequest?: boolean;
  /** The REST routes; `false` mounts none. Default: at the root. */
  readonly rest?: false | { readonly prefix?: string };
  /** Mounts the administrators' routes, within the scopes that it gives. Made by Nest: it may inject. */
  readonly accessPolicy?: Type<SessionAccessPolicy> | undefined;
  /** Asked before and told after what is done to sessions, in this order. Made by Nest: they may inject. Default: none. */
  readonly hooks?: readonly Type<SessionHooks>[];
  /** Connections that live and die with their session: `sessionSockets()` of `nestjs-identity-session/sockets`. Default: none. */
  readonly sockets?: SessionSocketsParts | undefined;
}

/** What `sessionSockets` gives. Apart from the module, so that it needs no socket.io where there are no sockets. */
export interface SessionSocketsParts {
  readonly providers: readonly Provider[];
  readonly exports: readonly (symbol | Type)[];
}

/** Of signed-in users, and of whoever was one. */
const OWN_CONTROLLERS: readonly Type<object>[] = [RestoreController, SessionsController];

const REST = Symbol('identity-session:rest');

interface MountedRest {
  readonly prefix: string;
  readonly withAdministration: boolean;
}

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<IdentitySessionOptions>({
  moduleName: 'IdentitySession',
  optionsInjectionToken: OPTIONS_AS_GIVEN,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createIdentitySessionOptions')
  .setExtras<IdentitySessionModuleExtras>(
    {
      isGlobal: false,
      dataSource: undefined,
      globalGuard: false,
      perRequest: false,
      rest: {},
      accessPolicy: undefined,
      hooks: [],
      sockets: undefined,
    },
    (definition, extras) => {
      const { rest = {}, accessPolicy, globalGuard = false, hooks = [] } = extras;
      const guards = globalGuard ? [] : [SessionGuard];
      const prefix = rest === false ? '' : normalPrefix(rest.prefix);
      const mounted: MountedRest = { prefix, withAdministration: accessPolicy !== undefined };
      return {
        ...definition,
        global: extras.isGlobal ?? false,
        imports: [...(definition.imports ?? []), DiscoveryModule],
        providers: [
          ...(definition.providers ?? []),
          ...identitySessionProviders(OPTIONS_AS_GIVEN, extras.dataSource),
          { provide: REST, useValue: rest === false ? null : mounted },
          { provide: APP_FILTER, useClass: IdentitySessionErrorFilter },
          ...(globalGuard ? [{ provide: APP_GUARD, useExisting: SessionGuard }] : []),
          ...(extras.perRequest === true ? [{ provide: APP_INTERCEPTOR, useClass: RequestSessionsInterceptor }] : []),
          ...(accessPolicy === undefined ? [] : accessPolicyProviders(accessPolicy)),
          ...hooks,
          { provide: SESSION_HOOKS, useValue: hooks },
          ...(extras.sockets?.providers ?? []),
        ],
        controllers: [
          ...(rest === false ? [] : OWN_CONTROLLERS.map((one) => mountedAt(`${prefix}/sessions`, one, guards))),
          ...(rest === false || accessPolicy === undefined
            ? []
            : ADMIN_CONTROLLERS.map((controller) => mountedAt(`${prefix}/admin`, controller, guards))),
        ],
        exports: [
          ...PUBLIC_PROVIDERS,
          ...GUARD_DEPENDENCIES,
          ...REQUEST_DEPENDENCIES,
          SessionIds,
          ...(extras.sockets?.exports ?? []),
        ],
      };
    },
  )
  .build();

/**
 * Sessions for a Nest application, on a DataSource of `@nestjs/typeorm`.
 *
 * `forRoot(options)` and `forRootAsync({ imports, inject, useFactory | useClass | useExisting })` take
 * `IdentitySessionOptions`, and beside them `IdentitySessionModuleExtras`.
 */
@Module({})
export class IdentitySessionModule extends ConfigurableModuleClass implements NestModule {
  constructor(@Inject(REST) private readonly rest: MountedRest | null) {
    super();
  }

  configure(consumer: MiddlewareConsumer): void {
    if (this.rest === null) return;
    const { prefix, withAdministration } = this.rest;
    const routes = routeTable(withAdministration);
    const paths = pathsOf(routes).map((path) => prefix + path);
    consumer.apply(methodNotAllowed(routes, prefix)).forRoutes(...paths.flatMap((path) => [path, `${path}/*path`]));
  }
}

function normalPrefix(prefix = ''): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '');
  return trimmed === '' ? '' : `/${trimmed}`;
}

function accessPolicyProviders(policy: Type<SessionAccessPolicy>): Provider[] {
  return [{ provide: SESSION_ACCESS_POLICY, useClass: policy }, SessionAccess];
}
