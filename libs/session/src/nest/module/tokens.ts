/** The options as they were given. */
export const OPTIONS_AS_GIVEN = Symbol('identity-session:options-as-given');
/** The options, complete and checked. */
export const RESOLVED_OPTIONS = Symbol('identity-session:options');
/** The `SessionStore`. */
export const SESSION_STORE = Symbol('identity-session:store');
/** The `SessionAccessPolicy` of the administrators' controller. */
export const SESSION_ACCESS_POLICY = Symbol('identity-session:access-policy');
/** The classes of the `SessionHooks`, in order. */
export const SESSION_HOOKS = Symbol('identity-session:hooks');
/** The TypeORM DataSource that the module was told to use. */
export const OWN_DATA_SOURCE = Symbol('identity-session:data-source');
/** The `HintPublisher`. */
export const HINTS = Symbol('identity-session:hints');
/** The `SharedSessionCache`, or `null` where there is none. */
export const SHARED_CACHE = Symbol('identity-session:shared-cache');
/** The `SharedLevel`, or `null` where there is none. */
export const SHARED_LEVEL = Symbol('identity-session:shared-level');
/** The `HintTransport`; `null` without hints. */
export const HINT_TRANSPORT = Symbol('identity-session:hint-transport');
/** The `HintChannel` over it; `null` without hints. */
export const HINT_CHANNEL = Symbol('identity-session:hint-channel');
/** The `RedisLinks`; `null` where Redis is not configured or not used. */
export const REDIS_LINKS = Symbol('identity-session:redis-links');
/** True where something beside hints and the shared cache uses Redis. */
export const ALSO_USES_REDIS = Symbol('identity-session:also-uses-redis');
