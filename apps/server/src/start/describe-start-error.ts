import { EmbeddedPostgresError } from '@identity-session/embedded-postgres';
import { IdentitySessionError } from 'nestjs-identity-session';
import { ConfigurationProblems } from '../config/configuration-problems.js';
import { DatabaseUnreachable } from '../database/database-unreachable.js';

/** Errors whose text says what is wrong and what to do; a stack would only hide it. */
const SELF_EXPLANATORY = [ConfigurationProblems, DatabaseUnreachable, EmbeddedPostgresError, IdentitySessionError];

/** Why the server did not start, for the terminal. */
export function describeStartError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (SELF_EXPLANATORY.some((kind) => error instanceof kind)) return error.message;
  const { code, address, port, hostname } = error as {
    code?: string;
    address?: string;
    port?: number;
    hostname?: string;
  };
  if (code === 'EADDRINUSE') {
    return `Port ${port ?? '?'} on ${address ?? 'this host'} is in use. Stop what uses it, or set PORT to another one.`;
  }
  if (code === 'EADDRNOTAVAIL' || (code === 'ENOTFOUND' && hostname !== undefined)) {
    return `HOST ${address ?? hostname ?? ''} is no address of this machine. Use 127.0.0.1, 0.0.0.0 or one of its own.`;
  }
  if (code === 'EACCES' && port !== undefined) return `Port ${port} needs more rights. Set PORT to 1024 or above.`;
  return error.stack ?? error.message;
}
