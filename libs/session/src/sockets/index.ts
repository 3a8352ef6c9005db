export type {
  ConnectionChanges,
  ConnectionEntry,
  ConnectionMetadata,
  ConnectionNode,
  ConnectionRecord,
  ConnectionSearch,
  ConnectionStore,
  NodeConnections,
  StoredConnection,
} from '../store/connection-store.js';
export {
  type ConnectionCounts,
  type ConnectionPage,
  type ConnectionQuery,
  ConnectionRegistry,
} from './registry/connection-registry.js';
export type { Connection } from './connection.js';
export type { SessionRevoked } from './kick-queue.js';
export type { Acknowledgement, Delivery } from './messages/delivery.js';
export { type SendOptions, SessionMessenger, type UserTarget } from './messages/session-messenger.js';
export { SessionIoAdapter } from './session-io-adapter.js';
export { SessionSockets } from './session-sockets.js';
export type { SessionSocketsOptions } from './session-sockets-options.js';
export type { SocketHooks } from './socket-hooks.js';
export { sessionSockets } from './sockets-module.js';
