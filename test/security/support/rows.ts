import type { TestApp } from '../../support/app.js';

type Row = Readonly<Record<string, unknown>>;

/** Runs a statement beside the application, on a connection that it does not know. */
export async function sql<T extends object = Row>(node: TestApp, text: string, values: unknown[] = []): Promise<T[]> {
  return await node.db.dataSource.query<T[]>(text, values);
}

/** Changes one session behind the application's back. */
export async function setRow(node: TestApp, id: string, assignments: string): Promise<void> {
  await sql(node, `UPDATE identity_session SET ${assignments} WHERE id = $1`, [id]);
}

/**
 * A digest of everything that the database holds, which changes with any change of any row; but for what nodes write by
 * themselves to say that they live.
 */
export async function checksum(node: TestApp): Promise<string> {
  const parts: string[] = [];
  for (const table of await tables(node)) {
    if (table === 'public.identity_session_node') continue;
    const [row] = await sql<{ sum: string }>(
      node,
      `SELECT coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') AS sum FROM ${table} t`,
    );
    parts.push(`${table}=${row?.sum ?? ''}`);
  }
  return parts.join('\n');
}

/** Every table of the application's schemas, quoted. */
export async function tables(node: TestApp): Promise<string[]> {
  const rows = await sql<{ name: string }>(
    node,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  return rows.map((row) => row.name);
}

/** Counts the updates of a session's row from now on. */
export async function countUpdates(node: TestApp): Promise<(id: string) => Promise<number>> {
  await sql(node, 'CREATE TABLE update_count (id uuid NOT NULL)');
  await sql(
    node,
    `CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN INSERT INTO update_count VALUES (NEW.id); RETURN NULL; END $$`,
  );
  await sql(
    node,
    'CREATE TRIGGER count_update AFTER UPDATE ON identity_session FOR EACH ROW EXECUTE FUNCTION count_update()',
  );
  return async (id) => {
    const [row] = await sql<{ n: number }>(node, 'SELECT count(*)::int AS n FROM update_count WHERE id = $1', [id]);
    return row?.n ?? 0;
  };
}

/** All rows of all tables as text; binary columns in hex. */
export async function dump(node: TestApp): Promise<string> {
  const parts: string[] = [];
  for (const table of await tables(node)) {
    const rows = await sql<{ text: string }>(node, `SELECT t::text AS text FROM ${table} t`);
    parts.push(...rows.map(({ text }) => text));
  }
  return parts.join('\n');
}

/** Whether a statement reads or writes sessions; nodes ask other things by themselves, when they start and now and then. */
export const ofSessions = (query: string): boolean => /\bidentity_session\b/.test(query);
