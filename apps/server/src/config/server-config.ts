import type { ConcurrentLoginPolicy, TokenKey } from 'nestjs-identity-session';

/** How the reference server runs. All of it comes from the environment; frozen. */
export interface ServerConfig {
  readonly nodeName: string;
  readonly http: HttpConfig;
  readonly database: DatabaseConfig;
  readonly redisUrl: string | null;
  readonly administrator: AdministratorConfig;
  readonly session: SessionConfig;
  /** Failed sign-ins per account and address in 15 minutes; 0 means no limit. */
  readonly signInLimit: number;
}

export interface HttpConfig {
  readonly adapter: 'express' | 'fastify';
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** How many proxies in front may speak for the client's address. */
  readonly trustProxyHops: number;
}

export interface DatabaseConfig {
  /** `null` starts an embedded PostgreSQL in `dataDir`. */
  readonly url: string | null;
  /** Past a transaction pooler, for what needs a connection of its own; `null` means the same as `url`. */
  readonly directUrl: string | null;
  readonly dataDir: string;
}

/** The first administrator; what is `null` is made up. */
export interface AdministratorConfig {
  readonly email: string | null;
  readonly password: string | null;
}

export interface SessionConfig {
  readonly policy: ConcurrentLoginPolicy;
  readonly idleTimeoutMs: number;
  readonly absoluteLifetimeMs: number;
  readonly syncIntervalMs: number;
  readonly idleMarginMs: number;
  readonly keepAccessMs: number;
  readonly tailIntervalMs: number;
  readonly maxStalenessMs: number;
  readonly cleanupIntervalMs: number;
  /** 0: tokens are replaced only where rights change. */
  readonly rotationIntervalMs: number;
  readonly rotationGraceMs: number;
  /** Whether this node takes part in cleanup. */
  readonly cleanup: boolean;
  /** Whether work on many sessions at once needs somebody other than who asks for it. */
  readonly secondApprover: boolean;
  readonly hints: 'redis' | 'postgres' | 'off';
  readonly tokenKeys: readonly TokenKey[];
  /** Origins besides the server's own. */
  readonly allowedOrigins: readonly string[];
  readonly cookieSecure: boolean;
}
