import { DataSource } from 'typeorm';
import { dataSourceOptions } from './apps/server/src/database/data-source-options.js';

/**
 * The server's DataSource for the TypeORM CLI; it needs DATABASE_URL. To run migrations use `npm run migration:run`,
 * which waits for other nodes and brings the session library's tables up to date as well.
 */
export default new DataSource(dataSourceOptions(process.env['DATABASE_URL'] ?? '', 'preparing'));
