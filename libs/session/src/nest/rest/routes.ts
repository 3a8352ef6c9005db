/** The module's routes below its prefix: paths with their methods. `:x` is any one segment. */
const SESSION_ROUTES = {
  '/sessions': ['GET', 'DELETE'],
  '/sessions/current': ['GET'],
  '/sessions/restore': ['POST'],
  '/sessions/:id': ['PATCH', 'DELETE'],
} as const;

const ADMIN_ROUTES = {
  '/admin/sessions': ['GET'],
  '/admin/sessions.csv': ['GET'],
  '/admin/sessions/revoke': ['POST'],
  '/admin/sessions/:id': ['GET', 'DELETE'],
  '/admin/sessions/:id/addresses': ['GET'],
  '/admin/sessions/:id/events': ['GET'],
  '/admin/sessions/:id/suspend': ['POST'],
  '/admin/sessions/:id/resume': ['POST'],
  '/admin/sessions/:id/undo': ['POST'],
  '/admin/sessions/:id/approve': ['POST'],
  '/admin/sessions/:id/reject': ['POST'],
  '/admin/users/:userId/sessions': ['GET', 'DELETE'],
  '/admin/users/:userId/sessions/:id': ['DELETE'],
  '/admin/users/:userId/events': ['GET'],
  '/admin/users/:userId/export': ['GET'],
  '/admin/users/:userId/data': ['DELETE'],
  '/admin/cut-offs': ['POST'],
  '/admin/jobs': ['GET', 'POST'],
  '/admin/jobs/:id': ['GET'],
  '/admin/jobs/:id/approve': ['POST'],
  '/admin/jobs/:id/cancel': ['POST'],
  '/admin/stats': ['GET'],
  '/admin/settings': ['GET', 'PUT', 'DELETE'],
  '/admin/settings/history': ['GET'],
} as const;

export type RouteTable = Readonly<Record<string, readonly string[]>>;

/** The routes that are mounted; the administrators' only with an access policy. */
export function routeTable(withAdministration: boolean): RouteTable {
  return withAdministration ? { ...SESSION_ROUTES, ...ADMIN_ROUTES } : SESSION_ROUTES;
}

/** The paths below which the routes are: the first segment, or the first two below `/admin`, which is not ours alone. */
export function pathsOf(routes: RouteTable): string[] {
  return [...new Set(Object.keys(routes).map((path) => /^(?:\/admin)?\/[^/]+/.exec(path)?.[0] ?? path))];
}
