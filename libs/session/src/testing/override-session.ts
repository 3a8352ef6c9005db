import type { AssuranceLevel, DeviceType, SessionData } from '../core/session.js';
import { newSessionId, systemTokenSource } from '../core/token.js';
import type { CredentialExtractor } from '../nest/credential/credential.js';
import { type VouchedCredential, vouchForSession } from '../nest/credential/vouched-session.js';
import { OPTIONS_AS_GIVEN, RESOLVED_OPTIONS } from '../nest/module/tokens.js';
import type { IdentitySessionOptions } from '../nest/options/identity-session-options.js';
import { resolveOptions } from '../nest/options/resolve-options.js';
import { InMemorySessionStore } from '../store/memory/in-memory-session-store.js';
import type { Admission, Snapshot } from '../store/session-store.js';
import { admissionOf } from './session-builder.js';

/** Whose session every request has in a test, and what is to be known of it. */
export interface OverridingUser {
  readonly userId: string;
  readonly tenantId?: string | null;
  readonly clientId?: string | null;
  readonly deviceType?: DeviceType;
  readonly deviceName?: string | null;
  /** Default `aal1`. */
  readonly assurance?: AssuranceLevel;
  /** When the user proved who they are. Default: now. */
  readonly authenticatedAt?: Date;
  readonly data?: SessionData;
}

/** What `Test.createTestingModule` of `@nestjs/testing` gives, as far as it is needed here. */
export interface OverridableModuleBuilder {
  overrideProvider(token: symbol): {
    useFactory(options: { factory: (options: IdentitySessionOptions) => unknown; inject: symbol[] }): unknown;
  };
}

/**
 * Has every request of a test come with a live session of `user`, without a sign-in and without a database:
 *
 *     const app = await overrideSession(Test.createTestingModule({ imports: [AppModule] }), { userId: 'alice' }).compile();
 *
 * Only where sessions are kept and who a request is from are replaced. The guard is the real one, global or per controller:
 * `@AllowAnonymous()` and `@RequireAssurance('aal2')` do what they always do, and a session that the test revokes through
 * `SessionAdminService` is refused from then on. `IdentitySessionModule` neither asks for a DataSource nor for Redis; what
 * else the application has of them is its own to override.
 *
 * Given a function, it is asked at every request: so that one application serves several users, and with `null` nobody.
 * A user who is the same in all fields has the same session.
 */
export function overrideSession<Builder extends OverridableModuleBuilder>(
  builder: Builder,
  user: OverridingUser | null | (() => OverridingUser | null),
): Builder {
  const overrides = typeof user === 'function' ? user : () => user;
  builder.overrideProvider(RESOLVED_OPTIONS).useFactory({
    inject: [OPTIONS_AS_GIVEN],
    factory: ({ redis: _, sharedCache: __, ...options }) => {
      const store = new StoreOfUsers();
      const extractor: CredentialExtractor = {
        extract: () => {
          const current = overrides();
          return current === null ? undefined : store.credentialOf(current);
        },
      };
      return resolveOptions({ ...options, hints: 'off', store, extractors: [extractor] });
    },
  });
  return builder;
}

/** Makes the session of a user when it is first asked for. */
class StoreOfUsers extends InMemorySessionStore {
  readonly #credentials = new Map<string, VouchedCredential>();
  #expected: Admission[] = [];

  credentialOf(user: OverridingUser): VouchedCredential {
    const key = JSON.stringify(user);
    const known = this.#credentials.get(key);
    if (known !== undefined) return known;
    const { userId, tenantId = null, clientId = null, deviceType = 'web', authenticatedAt, ...rest } = user;
    const id = newSessionId(systemTokenSource, Date.now());
    const admission = admissionOf({ id, facts: { userId, tenantId, clientId, deviceType }, ...rest });
    this.#expected.push(admission);
    const credential = vouchForSession(admission, { sessionId: id, userId, tenantId, authenticatedAt });
    this.#credentials.set(key, credential);
    return credential;
  }

  override async findMany(ids: readonly string[]): Promise<Snapshot> {
    const expected = this.#expected;
    this.#expected = [];
    for (const admission of expected) await this.admit(admission);
    return super.findMany(ids);
  }
}
