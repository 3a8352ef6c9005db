import { migrateIdentitySession } from 'nestjs-identity-session';
import { readConfig } from '../config/read-config.js';
import { prepareDatabase } from '../database/prepare-database.js';
import { describeStartError } from './describe-start-error.js';
import { openDatabase } from './open-database.js';

/** Brings the tables of server and library up to date, in the database that the server would use. The exit code. */
export async function runMigrations(): Promise<number> {
  try {
    const database = await openDatabase(readConfig(process.env).database, () => undefined);
    try {
      const { url, directUrl } = database;
      await prepareDatabase(url, (dataSource) => migrateIdentitySession(dataSource, { directUrl }));
      process.stdout.write(`The tables are up to date (PostgreSQL: ${database.description}).\n`);
      return 0;
    } finally {
      await database.close();
    }
  } catch (error) {
    process.stderr.write(`${describeStartError(error)}\n`);
    return 1;
  }
}
