import type { QueryRunner } from 'typeorm';

/** Runs one statement and gives its rows: all that the statements know of TypeORM. */
export interface SqlExecutor {
  query<TRow>(sql: string, parameters?: readonly unknown[]): Promise<TRow[]>;
}

/** The connection of a query runner. */
export function executorOf(queryRunner: QueryRunner): SqlExecutor {
  return {
    async query<TRow>(sql: string, parameters: readonly unknown[] = []) {
      // The structured result has the same shape for every kind of statement; the plain one has not.
      const result = await queryRunner.query(sql, [...parameters], true);
      return result.records as TRow[];
    },
  };
}
