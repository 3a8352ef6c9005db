import type { Provider } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import { TokenMint } from '../../core/token.js';
import { PostgresSessionStore } from '../../store/postgres/postgres-session-store.js';
import type { SessionStore } from '../../store/session-store.js';
import { keepsUndo } from '../../store/session-undo.js';
import { CutOffs } from '../../sync/cut-offs.js';
import type { HintChannel } from '../../sync/hint-channel.js';
import { type HintPublisher, NO_HINTS } from '../../sync/hints.js';
import { NodeClock } from '../../sync/node-clock.js';
import { AccountEvents } from '../account/account-events.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { undoUnsupported } from '../admin/undo-refusals.js';
import { CleanupTimer } from '../cleanup/cleanup-timer.js';
import { DatabaseReach } from '../cleanup/database-reach.js';
import { SessionCleanup } from '../cleanup/session-cleanup.js';
import { SessionChecker } from '../check/session-checker.js';
import { TokenRotation } from '../check/token-rotation.js';
import { SessionCookie } from '../cookie/session-cookie.js';
import { CookieOrBearerExtractor } from '../credential/credential.js';
import { RequestCredentials } from '../credential/request-credentials.js';
import { CsrfGuard } from '../csrf/csrf.guard.js';
import { DataRules } from '../data/data-rules.js';
import { SessionDataService } from '../data/session-data.service.js';
import { SessionDrift } from '../drift/session-drift.js';
import { SessionEndings } from '../endings/session-endings.js';
import { SessionEventFeed } from '../events/session-event-feed.js';
import { SessionEventMethods } from '../events/session-event-methods.js';
import { SessionEvents } from '../events/session-events.js';
import { SessionGuard } from '../guard/session.guard.js';
import { makeHookRunner } from '../hooks/make-hook-runner.js';
import { SessionHookRunner } from '../hooks/session-hook-runner.js';
import { DurableListeners } from '../listeners/durable-listeners.js';
import { SessionListeners } from '../listeners/session-listeners.js';
import { SessionDeadLetters } from '../listeners/session-dead-letters.js';
import { SessionHealth } from '../health/session-health.js';
import { SessionLocks } from '../locks/session-locks.js';
import { SessionExport } from '../jobs/session-export.js';
import { SessionJobWorker } from '../jobs/session-job-worker.js';
import { SessionJobs } from '../jobs/session-jobs.service.js';
import { SessionNotices } from '../notices/session-notices.js';
import { SessionMetrics } from '../metrics/session-metrics.js';
import type { IdentitySessionOptions } from '../options/identity-session-options.js';
import { type ResolvedOptions, resolveOptions } from '../options/resolve-options.js';
import { SessionPool } from '../pool/session-pool.js';
import { RequestScope } from '../request/request-scope.js';
import { RequestSessions } from '../request/request-sessions.js';
import { SessionWarmUp } from '../warm-up/session-warm-up.js';
import { SessionSettingsService } from '../settings/session-settings.service.js';
import { SignInRulebook } from '../settings/sign-in-rules.js';
import { AdmissionBuilder } from '../sign-in/admission-builder.js';
import { ConcurrentLoginStrategyService } from '../sign-in/concurrent-login-strategy.service.js';
import { ClientDelivery } from '../sign-in/client-delivery.js';
import { SessionActivation } from '../sign-in/session-activation.js';
import { SessionRotation } from '../sign-in/session-rotation.js';
import { SessionRestoration } from '../sign-in/session-restoration.js';
import { SessionResources } from '../resources/session-resources.js';
import { SessionIds } from '../session/session-ids.js';
import { SessionService } from '../sign-in/session.service.js';
import { SessionWriter } from '../sign-in/session-writer.js';
import { SignInListeners } from '../sign-in/sign-in-listeners.js';
import { makeHintChannel, makeHintTransport } from './hint-providers.js';
import { KNOWN_SESSIONS_PROVIDERS } from './known-sessions.providers.js';
import { NodeHeartbeat } from '../stats/node-heartbeat.js';
import { NodePresence } from '../stats/node-presence.js';
import { SessionStatisticsCounter } from '../stats/session-statistics.js';
import { LogUpkeep } from '../upkeep/log-upkeep.js';
import { LogFollower } from './log-follower.js';
import { LogLeaseHolder } from './log-lease-holder.js';
import { makeRedisLinks } from './redis-links.js';
import { SessionLifecycle } from './session-lifecycle.js';
import {
  ALSO_USES_REDIS,
  HINT_CHANNEL,
  HINT_TRANSPORT,
  HINTS,
  OWN_DATA_SOURCE,
  REDIS_LINKS,
  RESOLVED_OPTIONS,
  SESSION_HOOKS,
  SESSION_STORE,
} from './tokens.js';

/** What the module offers to the application. */
export const PUBLIC_PROVIDERS = [
  SessionService,
  SessionAdminService,
  ConcurrentLoginStrategyService,
  SessionChecker,
  SessionGuard,
  CsrfGuard,
  SessionCookie,
  SessionHealth,
  SessionMetrics,
  SessionPool,
  SessionEvents,
  SessionDeadLetters,
  SessionListeners,
  SessionSettingsService,
  SessionCleanup,
  SessionDataService,
  RequestSessions,
  SessionLocks,
  SessionExport,
  SessionJobs,
  AccountEvents,
  SessionResources,
] as const;

/** What a guard in another module needs to be made there. */
export const GUARD_DEPENDENCIES = [RequestCredentials, RESOLVED_OPTIONS];

/** What an interceptor or middleware in another module needs to be made there. */
export const REQUEST_DEPENDENCIES = [RequestScope];

/** Everything that one module is made of. `optionsToken` is where Nest keeps the options as given. */
export function identitySessionProviders(optionsToken: symbol | string, dataSourceName?: string): Provider[] {
  return [
    ...PUBLIC_PROVIDERS,
    AdmissionBuilder,
    SignInRulebook,
    RequestScope,
    SessionActivation,
    SessionRestoration,
    ClientDelivery,
    SessionRotation,
    SessionWriter,
    TokenRotation,
    SessionDrift,
    SessionLifecycle,
    LogUpkeep,
    DatabaseReach,
    CleanupTimer,
    SessionJobWorker,
    SessionWarmUp,
    NodeHeartbeat,
    NodePresence,
    SessionStatisticsCounter,
    {
      provide: RESOLVED_OPTIONS,
      inject: [optionsToken],
      useFactory: (options: IdentitySessionOptions) => resolveOptions(options),
    },
    {
      provide: OWN_DATA_SOURCE,
      inject: [{ token: getDataSourceToken(dataSourceName), optional: true }],
      useFactory: (dataSource?: DataSource) => dataSource ?? null,
    },
    {
      provide: DataRules,
      inject: [RESOLVED_OPTIONS],
      useFactory: ({ data }: ResolvedOptions) => new DataRules(data),
    },
    { provide: CutOffs, useFactory: () => new CutOffs() },
    LogLeaseHolder,
    LogFollower,
    SessionEventFeed,
    SessionEventMethods,
    DurableListeners,
    SessionNotices,
    { provide: SessionHookRunner, inject: [SESSION_HOOKS, ModuleRef, RESOLVED_OPTIONS], useFactory: makeHookRunner },
    SessionEndings,
    SignInListeners,
    {
      provide: REDIS_LINKS,
      inject: [RESOLVED_OPTIONS, { token: ALSO_USES_REDIS, optional: true }],
      useFactory: makeRedisLinks,
    },
    {
      provide: HINT_TRANSPORT,
      inject: [RESOLVED_OPTIONS, OWN_DATA_SOURCE, REDIS_LINKS],
      useFactory: makeHintTransport,
    },
    { provide: HINT_CHANNEL, inject: [RESOLVED_OPTIONS, HINT_TRANSPORT], useFactory: makeHintChannel },
    {
      provide: HINTS,
      inject: [HINT_CHANNEL],
      useFactory: (channel: HintChannel | null): HintPublisher => channel ?? NO_HINTS,
    },
    { provide: SESSION_STORE, inject: [RESOLVED_OPTIONS, OWN_DATA_SOURCE], useFactory: makeStore },
    {
      provide: NodeClock,
      inject: [RESOLVED_OPTIONS],
      useFactory: ({ clocks }: ResolvedOptions) => new NodeClock(clocks),
    },
    {
      provide: TokenMint,
      inject: [RESOLVED_OPTIONS],
      useFactory: ({ tokenKeys, codecs }: ResolvedOptions) => new TokenMint(tokenKeys, undefined, codecs.token),
    },
    { provide: SessionIds, inject: [RESOLVED_OPTIONS], useFactory: ({ codecs }: ResolvedOptions) => codecs.id },
    ...KNOWN_SESSIONS_PROVIDERS,
    {
      provide: SessionCookie,
      inject: [RESOLVED_OPTIONS, NodeClock],
      useFactory: ({ cookie }: ResolvedOptions, clock: NodeClock) => new SessionCookie({ ...cookie, clock }),
    },
    {
      provide: RequestCredentials,
      inject: [RESOLVED_OPTIONS, SessionCookie],
      useFactory: ({ extractors }: ResolvedOptions, cookie: SessionCookie) =>
        new RequestCredentials(extractors ?? [new CookieOrBearerExtractor(cookie.name)]),
    },
  ];
}

function makeStore(options: ResolvedOptions, dataSource: DataSource | null): SessionStore {
  if (options.store !== undefined) {
    if (options.undo.windowMs > 0 && !keepsUndo(options.store)) throw undoUnsupported();
    return options.store;
  }
  if (dataSource === null) {
    throw new IdentitySessionError(
      'CONFIGURATION_INVALID',
      'IdentitySessionModule found no DataSource. Import TypeOrmModule.forRoot(…) for PostgreSQL, or name the one to ' +
        'use with the option dataSource.',
    );
  }
  return PostgresSessionStore.on(dataSource, { nodeName: options.nodeName, deadlineMs: options.storeDeadlineMs });
}
