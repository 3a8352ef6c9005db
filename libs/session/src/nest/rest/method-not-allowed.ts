import { IdentitySessionError } from '../../core/errors.js';
import type { RouteTable } from './routes.js';

interface IncomingRequest {
  readonly method?: string;
  readonly originalUrl?: string;
  readonly url?: string;
}

/**
 * Middleware that answers 405 for a path of the table with a method that it has not. Frameworks say 404 there, and a
 * client would look for a misspelt path. `HEAD` goes where `GET` goes; `OPTIONS` is left to CORS.
 */
export function methodNotAllowed(
  routes: RouteTable,
  prefix: string,
): (request: IncomingRequest, response: unknown, next: () => void) => void {
  const patterns = Object.entries(routes)
    // What stands before may be the application's global prefix. So the longest path is tried first: "/admin/sessions"
    // is not "/sessions" below "/admin".
    .toSorted(([a], [b]) => segmentsOf(b) - segmentsOf(a))
    .map(([path, methods]) => ({
      pattern: new RegExp(`^(?:/.*)?${escape(prefix + path).replaceAll(/:[A-Za-z]+/g, '[^/]+')}/?$`, 'i'),
      methods,
    }));
  return (request, _response, next) => {
    const path = (request.originalUrl ?? request.url ?? '').split('?', 1)[0] ?? '';
    // The first pattern decides: "/sessions/current" is no id.
    const route = patterns.find(({ pattern }) => pattern.test(path));
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    // Express takes the slash for nothing: a client that leaves out an id would end all its other sessions.
    if (route !== undefined && path.endsWith('/')) {
      throw new IdentitySessionError('SESSION_NOT_FOUND', 'There is nothing behind the slash; leave it out.');
    }
    if (route === undefined || method === 'OPTIONS' || route.methods.includes(method ?? '')) {
      next();
      return;
    }
    throw new IdentitySessionError('METHOD_NOT_ALLOWED', `Use ${route.methods.join(' or ')} here.`, {
      allow: route.methods,
    });
  };
}

function segmentsOf(path: string): number {
  return path.split('/').length;
}

function escape(path: string): string {
  return path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
