// The public entry. What is not here is nobody's to rely on.
export { ASSURANCE_LIFETIMES } from './core/assurance-lifetimes.js';
export { type Clock, systemClock } from './core/clock.js';
export type { CutOff, CutOffScope, StoredCutOff } from './core/cut-off.js';
export { ERROR_CATALOGUE, type ErrorCode, type ErrorDetails, IdentitySessionError } from './core/errors.js';
export type { LifetimeRules, Lifetimes } from './core/expiry.js';
export type { GivenLifetimes, GivenLimits } from './core/lifetime-rules.js';
export {
  canBecome,
  type EndedStatus,
  isLive,
  LIVE_STATUSES,
  type LiveStatus,
  SESSION_STATUSES,
  type SessionStatus,
  TRANSITIONS,
} from './core/lifecycle.js';
export {
  APPROVAL_MODES,
  type ApprovalMode,
  type Approvers,
  isMet,
  missingRequirements,
  type PendingSignIn,
  type RequirementMet,
  type SignInRequirement,
  type UnmetReason,
} from './core/pending.js';
export {
  type Candidate,
  type ConcurrentLoginPolicy,
  type Constraint,
  decide,
  type Limit,
  type LiveSession,
  type PolicyDecision,
  type Scope,
  scopeKeysFor,
  validatePolicy,
  type WhenFull,
} from './core/policy.js';
export { POLICY_PRESETS, policyPreset, type PolicyPresetName } from './core/policy-presets.js';
export {
  ASSURANCE_LEVELS,
  type AssuranceLevel,
  DEVICE_TYPES,
  type DeviceType,
  meetsAssurance,
  type PreviousToken,
  type SessionData,
  type SessionFacts,
  type SessionRecord,
  type SessionSubject,
} from './core/session.js';
export type { DataPatch } from './core/merge-patch.js';
export type { SessionSettings, SettingsKeeper, SettingsRule } from './core/settings.js';
export type { TextCodec } from './core/codec.js';
export { isSessionId, type TokenKey } from './core/token.js';
export type {
  CleanupBatch,
  CleanupRules,
  CleanupState,
  EndedVersion,
  SessionCleanupStore,
  WalkPage,
  WalkPosition,
  WalkRules,
} from './store/session-cleanup.js';
export {
  JOB_KINDS,
  JOB_STATUSES,
  type JobClaim,
  type JobFilter,
  type JobKeepingStore,
  type JobKind,
  type JobPage,
  type JobProgress,
  type JobReach,
  type JobStatus,
  type JobStep,
  keepsJobs,
  type NewJob,
  type SessionJobStore,
  type StoredJob,
} from './store/session-jobs.js';
export type { ScopeReach } from './store/scope-reach.js';
export type { KnownNode, NodeBeat, SessionCounts, StatisticsStore } from './store/session-statistics.js';
export type { AddressHistoryStore, SessionAddress, SessionOrigins } from './store/session-addresses.js';
export type { DataChange, DataReplacement, SessionDataStore } from './store/session-data.js';
export type {
  ActivateOutcome,
  Activation,
  Meeting,
  MeetOutcome,
  PendingAdmission,
} from './store/session-activation.js';
export { type ErasedPage, type Erasure, erasesUsers, type UserErasureStore } from './store/user-erasure.js';
export { type ChangeContext, type ChangeSource, isIdempotencyKey } from './store/change-context.js';
export {
  type DataValues,
  type FieldChange,
  keepsUserHistory,
  type UserHistoryEntry,
  type UserHistoryStore,
} from './store/session-history.js';
export {
  type Admission,
  type AdmissionTerms,
  type AdmitOutcome,
  BULK_PAGE,
  type ChangeNote,
  type AccessPage,
  type CreationPage,
  type HistoryPage,
  type Page,
  type Rotation,
  type SessionFilter,
  type SessionHistoryEntry,
  type SessionScope,
  type SessionStore,
  type Snapshot,
  type Touch,
  type TouchOutcome,
  type TransactionalSessionStore,
} from './store/session-store.js';
export {
  keepsSettings,
  type LoggedSettings,
  type SessionSettingsStore,
  type SettingsChange,
  type SettingsOutcome,
  type StoredSettings,
} from './store/settings-store.js';
export {
  keepsUndo,
  LONGEST_UNDO_MS,
  type Restoration,
  type RestoreOutcome,
  type SessionUndoStore,
  type Undo,
  type UndoOutcome,
  type UndoRefusal,
} from './store/session-undo.js';
export { keepsLocks, type LockStore } from './store/lock-store.js';
export { type Drift, type DriftLogStore, MOST_DRIFTS } from './store/drift-log.js';
export type { SessionEventType } from './store/memory/session-event.js';
export { IDENTITY_SESSION_ENTITIES } from './store/postgres/entities/index.js';
export { IdentitySessionAddressEntity } from './store/postgres/entities/identity-session-address.entity.js';
export { IdentitySessionCleanupEntity } from './store/postgres/entities/identity-session-cleanup.entity.js';
export { IdentitySessionConnectionEntity } from './store/postgres/entities/identity-session-connection.entity.js';
export { IdentitySessionCutOffEntity } from './store/postgres/entities/identity-session-cut-off.entity.js';
export { IdentitySessionDeadLetterEntity } from './store/postgres/entities/identity-session-dead-letter.entity.js';
export { IdentitySessionListenerEntity } from './store/postgres/entities/identity-session-listener.entity.js';
export { IdentitySessionEntity } from './store/postgres/entities/identity-session.entity.js';
export { IdentitySessionEventEntity } from './store/postgres/entities/identity-session-event.entity.js';
export { IdentitySessionLockEntity } from './store/postgres/entities/identity-session-lock.entity.js';
export { IdentitySessionJobEntity } from './store/postgres/entities/identity-session-job.entity.js';
export { IdentitySessionNodeEntity } from './store/postgres/entities/identity-session-node.entity.js';
export { IdentitySessionQuestionEntity } from './store/postgres/entities/identity-session-question.entity.js';
export { IdentitySessionSettingEntity } from './store/postgres/entities/identity-session-setting.entity.js';
export { IDENTITY_SESSION_MIGRATIONS } from './store/postgres/migrations/index.js';
export { migrateIdentitySession, type MigrateOptions, MIGRATIONS_TABLE } from './store/postgres/migrate.js';
export { runAlone } from './store/postgres/run-alone.js';
export { sqlStateOf } from './store/postgres/retry.js';
export { PostgresSessionStore, type PostgresSessionStoreOptions } from './store/postgres/postgres-session-store.js';
export { NodeClock, type ProcessClocks, systemClocks } from './sync/node-clock.js';
export { type ReleaseResource, type ResourceRelease, SessionResources } from './nest/resources/session-resources.js';
export type {
  AccountEffect,
  AccountEventInput,
  AccountEventName,
  AccountEventResult,
} from './nest/account/account-event.js';
export { AccountEvents } from './nest/account/account-events.js';
export type {
  AdministrationAction,
  ErasureAccessPolicy,
  ProtectedSessionAccessPolicy,
  SessionAccessPolicy,
  SettingsAccessPolicy,
  SettingsScope,
} from './nest/admin/session-access-policy.js';
export type { BulkInput, BulkResult } from './nest/admin/bulk-input.js';
export type { CutOffInput, CutOffResult } from './nest/admin/cut-off-input.js';
export { SessionAdminService } from './nest/admin/session-admin.service.js';
export type { SessionPage, SessionSearch } from './nest/admin/session-search.js';
export type { EraseInput, EraseResult, UserExportInput, UserExportPart } from './nest/admin/user-records.js';
export type { ProtectedInclusion } from './nest/admin/protection.js';
export type { UndoResult } from './nest/admin/revocation-undo.js';
export type { ApproveInput, EndInput, ResumeInput, RevokeInput, SuspendInput } from './nest/admin/state-changes.js';
export { type CleanupRun, SessionCleanup } from './nest/cleanup/session-cleanup.js';
export { SessionChecker } from './nest/check/session-checker.js';
export type { SessionVerdict } from './nest/check/session-verdict.js';
export type { SessionRequirements } from './nest/check/session-judge.js';
export {
  clearSiteData,
  type ClearSiteDataKind,
  noStore,
  SessionCookie,
  type SessionCookieOptions,
} from './nest/cookie/session-cookie.js';
export {
  CookieOrBearerExtractor,
  type Credential,
  type CredentialExtractor,
  type IncomingHeadersCarrier,
  type TokenCredential,
} from './nest/credential/credential.js';
export { SESSION_TOKEN_HEADER } from './nest/credential/deliver-token.js';
export {
  type VouchedCredential,
  type VouchedSession,
  VouchedSessionExtractor,
  vouchForSession,
} from './nest/credential/vouched-session.js';
export { CsrfGuard } from './nest/csrf/csrf.guard.js';
export type { DeviceResolver, ResolvedDevice } from './nest/device/device-resolver.js';
export { type LocationResolver, NoLocationResolver } from './nest/device/location-resolver.js';
export { UserAgentDeviceResolver } from './nest/device/user-agent-device-resolver.js';
export type { DriftOptions, DriftReaction } from './nest/drift/drift-options.js';
export { SessionDrift } from './nest/drift/session-drift.js';
export { OnSessionEvent } from './nest/events/on-session-event.decorator.js';
export type {
  ResyncReason,
  SessionChangeEvent,
  SessionEvent,
  SessionEventListener,
  SessionResyncEvent,
} from './nest/events/session-event.js';
export { SessionEvents } from './nest/events/session-events.js';
export {
  AllowAnonymous,
  AllowCrossSite,
  AllowDriftedSession,
  AllowPendingSession,
  CurrentSession,
  CurrentUserId,
  OptionalSession,
  RequireAssurance,
  RequireFreshSession,
  sessionOf,
  SkipSessionTouch,
  StrictSession,
} from './nest/guard/route.decorators.js';
export { SessionGuard } from './nest/guard/session.guard.js';
export { SessionExport } from './nest/jobs/session-export.js';
export type { SessionJob } from './nest/jobs/session-job.js';
export {
  type JobActor,
  type JobRights,
  SessionJobs,
  type StartedJob,
  type StartJobInput,
} from './nest/jobs/session-jobs.service.js';
export { type OwnPool, type PoolNode, type PoolState, SessionPool, type WholePool } from './nest/pool/session-pool.js';
export type {
  NoticeFacts,
  NoticeMessage,
  NoticeParameters,
  NoticeSession,
  NoticeWording,
  SessionNotice,
  SessionNoticeKey,
  SessionNoticeKind,
} from './nest/notices/session-notice.js';
export { HookRefusal, refuse } from './nest/hooks/refuse.js';
export type {
  HookContext,
  SessionChange,
  SessionEnd,
  SessionHooks,
  SignInHookContext,
} from './nest/hooks/session-hooks.js';
export {
  type DurableListener,
  type DurableListenerOptions,
  DurableSessionListener,
  type EventDelivery,
} from './nest/listeners/durable-session-listener.decorator.js';
export { SessionListeners } from './nest/listeners/session-listeners.js';
export type { SessionListenerStatus } from './sync/postgres/listener-status.js';
export { type DeadLetter, SessionDeadLetters } from './nest/listeners/session-dead-letters.js';
export { type HealthReport, type HealthStatus, SessionHealth } from './nest/health/session-health.js';
export { type AddressedRequest, clientAddress } from './nest/http/client-address.js';
export type { HeldLock } from './nest/locks/held-lock.js';
export { type LockOptions, SessionLocks } from './nest/locks/session-locks.js';
export { type MetricSample, SessionMetrics } from './nest/metrics/session-metrics.js';
export type { DataSchema, DataSchemaIssue, DataSchemaResult } from './nest/data/data-schema.js';
export type { DataChangeOptions, SessionDataSnapshot, UserDataChangeOptions } from './nest/data/session-data.js';
export { SessionDataService, type SessionOrId } from './nest/data/session-data.service.js';
export {
  IdentitySessionModule,
  type IdentitySessionModuleExtras,
  type SessionSocketsParts,
} from './nest/module/identity-session.module.js';
export type {
  HintKind,
  IdentitySessionOptions,
  JobAsked,
  PolicyContext,
  PolicyResolver,
  RpcHeadersReader,
  SecondApproverRule,
} from './nest/options/identity-session-options.js';
export { describeOperations, describeSessions } from './nest/openapi/describe-sessions.js';
export type { OpenApiDocument, OpenApiOperation, OpenApiOperations, OpenApiSchema } from './nest/openapi/open-api.js';
export { describeOperation, type OperationAnswer, type OperationInput } from './nest/openapi/operation.js';
export type { ProblemCode } from './nest/openapi/problem-responses.js';
export {
  type Problem,
  PROBLEM_MEDIA_TYPE,
  type ProblemAnswer,
  problemOf,
  problemOfStatus,
} from './nest/problem/problem.js';
export { IdentitySessionErrorFilter, ProblemDetailsFilter } from './nest/problem/problem.filters.js';
export type { WebhookOptions } from './nest/webhooks/webhook-options.js';
export { RequestSessions } from './nest/request/request-sessions.js';
export { RequestSessionsMiddleware } from './nest/request/request-sessions.interceptor.js';
export { type SessionHistoryJson, historyToJson } from './nest/rest/session-history-json.js';
export { type ValidationIssue, type ValidationSchema, ZodValidationPipe } from './nest/rest/zod-validation.pipe.js';
export type { SessionStatistics } from './nest/stats/session-statistics.js';
export { type LatestAccess, Session } from './nest/session/session.js';
export { SessionIds } from './nest/session/session-ids.js';
export { type SessionJson, sessionToJson, type SignInRequirementJson } from './nest/session/session-json.js';
export type { EffectiveRule, EffectiveSettings } from './nest/settings/effective-settings.js';
export {
  type ChangeSettingsInput,
  type ResetSettingsInput,
  SessionSettingsService,
  type SettingsHistoryItem,
  type SettingsQuery,
  type SettingsView,
} from './nest/settings/session-settings.service.js';
export {
  ConcurrentLoginStrategyService,
  type SimulatedSignIn,
} from './nest/sign-in/concurrent-login-strategy.service.js';
export type { RotationExchange, RotationResult } from './nest/sign-in/session-rotation.js';
export { type SessionOwner, SessionService } from './nest/sign-in/session.service.js';
export type {
  CompletionExchange,
  CompletionResult,
  PendingInput,
  RequirementInput,
  RestorationExchange,
  SessionExchange,
  SignInInput,
  SignInResult,
} from './nest/sign-in/sign-in.js';
