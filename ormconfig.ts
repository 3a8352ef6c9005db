/** The server's DataSource, where tools look for it. */
export { default } from './apps/server/src/database/data-source.js';
