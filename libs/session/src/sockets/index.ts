export type { ConnectionMetadata } from './connection.js';
export type { SessionRevoked } from './kick-queue.js';
export { SessionIoAdapter } from './session-io-adapter.js';
export { SessionSockets } from './session-sockets.js';
export type { SessionSocketsOptions } from './session-sockets-options.js';
export { sessionSockets } from './sockets-module.js';
