import type { IdentitySessionOptions } from 'nestjs-identity-session';
import type { ServerConfig } from '../config/server-config.js';

/** The library's options, as the configuration has them. */
export function sessionOptions({ session, http, database, nodeName }: ServerConfig): IdentitySessionOptions {
  return {
    policy: session.policy,
    lifetimes: { idleTimeoutMs: session.idleTimeoutMs, absoluteLifetimeMs: session.absoluteLifetimeMs },
    syncIntervalMs: session.syncIntervalMs,
    idleMarginMs: session.idleMarginMs,
    maxStalenessMs: session.maxStalenessMs,
    tailIntervalMs: session.tailIntervalMs,
    // Until hints by Redis are there, those of PostgreSQL serve.
    hints: session.hints === 'off' ? 'off' : 'postgres',
    ...(database.directUrl === null ? {} : { directUrl: database.directUrl }),
    tokenKeys: session.tokenKeys,
    cookie: { secure: session.cookieSecure },
    trustProxyHops: http.trustProxyHops,
    nodeName,
  };
}
