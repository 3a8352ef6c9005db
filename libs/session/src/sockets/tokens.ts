/** The options of the sockets, complete and checked. */
export const SOCKETS_OPTIONS = Symbol('identity-session:sockets-options');
/** The `ConnectionStore`. */
export const CONNECTION_STORE = Symbol('identity-session:connection-store');
/** The `NodeLink`; `null` for one node. */
export const NODE_LINK = Symbol('identity-session:node-link');
/** The `SocketHooks` of the application; `null` without. */
export const SOCKET_HOOKS = Symbol('identity-session:socket-hooks');
