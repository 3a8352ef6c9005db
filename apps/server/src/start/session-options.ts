import type { IdentitySessionOptions } from 'nestjs-identity-session';
import type { ServerConfig } from '../config/server-config.js';

/** The library's options, as the configuration has them. */
export function sessionOptions({ session, http, database, redisUrl, nodeName }: ServerConfig): IdentitySessionOptions {
  return {
    policy: session.policy,
    lifetimes: { idleTimeoutMs: session.idleTimeoutMs, absoluteLifetimeMs: session.absoluteLifetimeMs },
    syncIntervalMs: session.syncIntervalMs,
    idleMarginMs: session.idleMarginMs,
    maxStalenessMs: session.maxStalenessMs,
    tailIntervalMs: session.tailIntervalMs,
    keepAccessMs: session.keepAccessMs,
    hints: session.hints,
    ...(redisUrl === null ? {} : { redis: { url: redisUrl } }),
    ...(database.directUrl === null ? {} : { directUrl: database.directUrl }),
    cleanup: { enabled: session.cleanup, intervalMs: session.cleanupIntervalMs },
    jobs: { secondApprover: session.secondApprover },
    // Rights are read from the account where they are asked for; whoever had them signs in anew all the same.
    accountEvents: { roleChanged: 'end-all' },
    tokenKeys: session.tokenKeys,
    rotation: { intervalMs: session.rotationIntervalMs, graceMs: session.rotationGraceMs },
    cookie: { secure: session.cookieSecure },
    csrf: { allowedOrigins: session.allowedOrigins },
    trustProxyHops: http.trustProxyHops,
    nodeName,
  };
}
