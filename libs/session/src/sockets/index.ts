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
export type { SessionRevoked } from './kick-queue.js';
export { SessionIoAdapter } from './session-io-adapter.js';
export { SessionSockets } from './session-sockets.js';
export type { SessionSocketsOptions } from './session-sockets-options.js';
export { sessionSockets } from './sockets-module.js';
