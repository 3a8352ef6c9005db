import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { ASSURANCE_LEVELS, DEVICE_TYPES, type SessionSubject } from '../../core/session.js';
import { newSessionId, systemTokenSource, TokenMint } from '../../core/token.js';
import { type ChangeContext, contextOf } from '../../store/change-context.js';
import type { Admission } from '../../store/session-store.js';
import { storableIdentifier, storableText } from '../../store/storable-text.js';
import { NodeClock } from '../../sync/node-clock.js';
import { DataRules } from '../data/data-rules.js';
import type { SessionCarrier } from '../guard/carrier.js';
import { clientAddress } from '../http/client-address.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { PolicyContext } from '../options/identity-session-options.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SignInRulebook } from '../settings/sign-in-rules.js';
import { ConcurrentLoginStrategyService } from './concurrent-login-strategy.service.js';
import { pendingAdmission } from './pending-admission.js';
import { ticketsOf } from './policy-tickets.js';
import type { SignInInput } from './sign-in.js';

/** Of a user agent, this many characters are kept. */
export const MAX_USER_AGENT_LENGTH = 512;
/** Of a device's name, this many characters are kept. */
export const MAX_DEVICE_NAME_LENGTH = 100;
const MAX_LOCATION_LENGTH = 200;
/** No address is longer; anything else is the application's mistake and is cut. */
const MAX_IP_LENGTH = 64;

/** An admission ready for the store, and the secrets that go with it to the client. */
export interface PreparedAdmission {
  readonly admission: Admission;
  readonly token: string;
  /** Handed out only if the policy asks. */
  readonly ticket: string;
}

/** Turns who signs in, and from where, into what the store admits. */
@Injectable()
export class AdmissionBuilder {
  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(ConcurrentLoginStrategyService) private readonly strategy: ConcurrentLoginStrategyService,
    @Inject(TokenMint) private readonly mint: TokenMint,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(SignInRulebook) private readonly rulebook: SignInRulebook,
    @Inject(DataRules) private readonly rules: DataRules,
  ) {}

  /** @throws IdentitySessionError `VALIDATION_FAILED` for identifiers or data that cannot be stored */
  async prepare(
    input: SignInInput,
    request: SessionCarrier | undefined,
    replaces: string | null,
    context: ChangeContext = {},
  ): Promise<PreparedAdmission> {
    const device = this.options.deviceResolver.resolve(request?.headers ?? {});
    const facts: PolicyContext = {
      tenantId: optionalIdentifier(input.tenantId, 'tenantId'),
      userId: storableIdentifier(input.userId, 'userId'),
      clientId: optionalIdentifier(input.clientId, 'clientId'),
      deviceType: oneOf(DEVICE_TYPES, input.deviceType ?? device.deviceType, 'deviceType'),
      deviceId: optionalIdentifier(input.deviceId, 'deviceId'),
      roles: input.roles ?? [],
    };
    const id = newSessionId(systemTokenSource, this.clock.now());
    const { token, digest } = this.mint.mint(id, 0);
    const { ticket, question, answer } = ticketsOf(input.answer, this.options);
    const ip = storableText(input.ip ?? this.#addressOf(request), MAX_IP_LENGTH);
    const rememberMe = input.rememberMe ?? false;
    const { roles: _, ...stored } = facts;
    const terms = this.rulebook.termsFor(await this.strategy.configuredPolicyFor(facts), facts.clientId, rememberMe);
    const admission: Admission = {
      id,
      facts: stored,
      ...terms([]),
      terms,
      tokenDigest: digest,
      deviceName: storableText(input.deviceName ?? device.deviceName, MAX_DEVICE_NAME_LENGTH),
      userAgent:
        (input.userAgent ?? undefined) === undefined
          ? userAgentOf(request)
          : storableText(input.userAgent, MAX_USER_AGENT_LENGTH),
      ip,
      location: ip === null ? null : storableText(await this.options.locationResolver.resolve(ip), MAX_LOCATION_LENGTH),
      impersonator: impersonatorOf(input),
      rememberMe,
      isProtected: input.protected === true,
      assurance: oneOf(ASSURANCE_LEVELS, input.assurance ?? 'aal1', 'assurance'),
      data: await this.rules.check(input.data),
      replaces,
      answer,
      question,
      context: contextOf(context),
      pending: pendingAdmission(input.pending, facts.roles, this.options.pending),
    };
    return { admission, token, ticket };
  }

  #addressOf(request: SessionCarrier | undefined): string | null {
    return request === undefined ? null : clientAddress(request, this.options.trustProxyHops);
  }
}

function impersonatorOf({ impersonatedBy }: SignInInput): SessionSubject | null {
  if (impersonatedBy === undefined || impersonatedBy === null) return null;
  return {
    tenantId: optionalIdentifier(impersonatedBy.tenantId, 'impersonatedBy.tenantId'),
    userId: storableIdentifier(impersonatedBy.userId, 'impersonatedBy.userId'),
  };
}

function optionalIdentifier(value: string | null | undefined, field: string): string | null {
  return value === undefined || value === null ? null : storableIdentifier(value, field);
}

/**
 * The value, if it is one of the known ones: what an application passes on may come from outside.
 * @throws IdentitySessionError `VALIDATION_FAILED`
 */
export function oneOf<T extends string>(known: readonly T[], value: T, field: string): T {
  if (known.includes(value)) return value;
  throw new IdentitySessionError('VALIDATION_FAILED', `${field} must be one of ${known.join(', ')}.`, {
    errors: [{ field, message: 'is not one of the known values' }],
  });
}

/** As it is stored. */
export function userAgentOf(request: SessionCarrier | undefined): string | null {
  const value = request?.headers['user-agent'];
  return storableText(typeof value === 'string' ? value : value?.[0], MAX_USER_AGENT_LENGTH);
}
