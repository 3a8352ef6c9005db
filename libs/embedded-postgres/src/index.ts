export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode, type EmbeddedPostgresErrorDetails } from './errors.js';
export type { EmbeddedPostgresOptions } from './options.js';
export { startEmbeddedPostgres, type EmbeddedPostgres } from './start-embedded-postgres.js';
