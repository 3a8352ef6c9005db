import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source-options.js';

/**
 * For the TypeORM CLI, which takes the built file: `DATABASE_URL=… npx typeorm migration:show -d
 * dist/apps/server/database/data-source.js`. To run migrations use `npm run migration:run`, which waits for other nodes
 * and brings the session library's tables up to date as well.
 */
export default new DataSource(dataSourceOptions(process.env['DATABASE_URL'] ?? '', 'preparing'));
