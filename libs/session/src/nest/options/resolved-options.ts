import type { LifetimeRules } from '../../core/expiry.js';
import type { GivenLifetimes } from '../../core/lifetime-rules.js';
import type { ConcurrentLoginPolicy } from '../../core/policy.js';
import type { AssuranceLevel } from '../../core/session.js';
import type { TextCodec } from '../../core/codec.js';
import type { TokenKey } from '../../core/token.js';
import type { SessionStore } from '../../store/session-store.js';
import type { ProcessClocks } from '../../sync/node-clock.js';
import type { AccountEffect, AccountEventName } from '../account/account-event.js';
import type { CredentialExtractor } from '../credential/credential.js';
import type { CrossSiteOptions } from '../csrf/cross-site.js';
import type { DeviceResolver } from '../device/device-resolver.js';
import type { LocationResolver } from '../device/location-resolver.js';
import type { DataSchema } from '../data/data-schema.js';
import type { ResolvedDriftOptions } from '../drift/drift-options.js';
import type { SessionIds } from '../session/session-ids.js';
import type { NoticeWording } from '../notices/session-notice.js';
import type { WebhookOptions } from '../webhooks/webhook-options.js';
import type { HintKind, PolicyResolver, RpcHeadersReader, SecondApproverRule } from './identity-session-options.js';

/** The options as the module uses them: complete, checked, frozen. */
export interface ResolvedOptions {
  readonly policy: ConcurrentLoginPolicy | PolicyResolver;
  readonly lifetimes: LifetimeRules;
  readonly assuranceLevel?: AssuranceLevel | undefined;
  /** The same before defaults: what stored settings are laid over. */
  readonly givenLifetimes: GivenLifetimes;
  /** What works, but should not be so; to be told at start. */
  readonly warnings: readonly string[];
  readonly endOthersMaxAgeMs: number;
  readonly syncIntervalMs: number;
  readonly keepAccessMs: number;
  readonly idleMarginMs: number;
  readonly maxStalenessMs: number;
  readonly refusalMs: number;
  readonly strict: boolean;
  readonly tailIntervalMs: number;
  readonly hints: HintKind;
  readonly redis: { readonly url: string; readonly namespace: string; readonly deadlineMs: number } | undefined;
  readonly sharedCache: boolean;
  readonly directUrl: string | undefined;
  readonly storeDeadlineMs: number;
  readonly codecs: { readonly token: readonly TextCodec[]; readonly id: SessionIds };
  readonly tokenKeys: readonly TokenKey[];
  readonly rotation: {
    /** 0: tokens are not rotated by the clock. */
    readonly intervalMs: number;
    readonly graceMs: number;
    readonly onReuse: 'revoke' | 'refuse';
  };
  readonly cookie: {
    readonly name?: string | undefined;
    readonly secure: boolean;
    readonly sameSite: 'lax' | 'strict';
  };
  readonly csrf: CrossSiteOptions;
  readonly drift: ResolvedDriftOptions;
  readonly trustProxyHops: number;
  readonly nodeName: string;
  readonly cache: { readonly maxSessions: number; readonly maxBytes: number };
  readonly data: { readonly maxBytes: number; readonly schema?: DataSchema | undefined };
  readonly history: { readonly dataValues: boolean };
  readonly locks: { readonly leaseMs: number };
  readonly warmUp: { readonly sessions: number; readonly withinMs: number };
  readonly logRetentionMs: number;
  readonly cleanup: {
    readonly enabled: boolean;
    readonly intervalMs: number;
    readonly retentionMs: number;
    readonly inactiveAfterMs?: number | undefined;
    readonly scrubAddressesAfterMs?: number | undefined;
    readonly scrubLiveAddresses: boolean;
  };
  readonly pending: { readonly timeLimitMs: number; readonly maxPerUser: number };
  readonly suspension: { readonly slot: 'keep' | 'free' };
  readonly undo: { readonly windowMs: number };
  readonly accountEvents: Readonly<Record<AccountEventName, AccountEffect>>;
  readonly jobs: {
    readonly enabled: boolean;
    readonly secondApprover: boolean | SecondApproverRule;
    readonly approvalWithinMs: number;
    readonly takeOverAfterMs: number;
  };
  readonly listeners: {
    readonly maxAttempts: number;
    readonly retryMs: number;
    readonly deadlineMs: number;
    readonly leaseMs: number;
  };
  readonly webhooks: readonly (Required<Omit<WebhookOptions, 'types'>> & Pick<WebhookOptions, 'types'>)[];
  readonly notices: { readonly message: NoticeWording };
  readonly hookDeadlineMs: number;
  readonly questionLifetimeMs: number;
  readonly migrate: boolean;
  readonly store: SessionStore | undefined;
  readonly extractors: readonly CredentialExtractor[] | undefined;
  readonly rpcHeaders: RpcHeadersReader | undefined;
  readonly deviceResolver: DeviceResolver;
  readonly locationResolver: LocationResolver;
  readonly clocks: ProcessClocks;
}
