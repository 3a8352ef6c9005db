import type { DataSource, EntityManager } from 'typeorm';
import { isConflict, onDatabase } from './database-errors.js';

const MOST_ATTEMPTS = 4;

/**
 * Runs work in one READ COMMITTED transaction (the session library needs that level, whatever the database's default)
 * and begins again where it met another one, so the work must do nothing outside of it that cannot be done twice.
 * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` where the database fails
 */
export function inTransaction<T>(dataSource: DataSource, work: (manager: EntityManager) => Promise<T>): Promise<T> {
  return onDatabase(async () => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await dataSource.transaction('READ COMMITTED', work);
      } catch (error) {
        if (attempt === MOST_ATTEMPTS || !isConflict(error)) throw error;
      }
    }
  });
}
