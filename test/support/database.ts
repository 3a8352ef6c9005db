import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** How to make a database of a test. */
export interface TestDatabaseOptions {
  /** The database to copy, as {@link ensureTemplate} returned it. Default: an empty one. */
  readonly template?: string;
  /** Settings of every connection to it: `ALTER DATABASE … SET name = value`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A database that belongs to one test file. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Removes it; connections that are still open are cut. May be called again. */
  drop(): Promise<void>;
}

/** "Being accessed by other users": somebody is connected to the database to be copied, renamed or changed. */
const OBJECT_IN_USE = '55006';
/** PostgreSQL itself waits 5 s for the others to go before it answers with OBJECT_IN_USE. */
const OBJECT_IN_USE_TRIES = 3;

/** Makes a database of a unique name on the server that global-setup started. Takes 20–60 ms. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  // template0 takes no connections, so it can always be copied.
  const { template = 'template0', settings = {} } = options;
  const name = `${prefix()}${process.pid}_${randomBytes(5).toString('hex')}`;
  await withAdmin(async (admin) => {
    const database = admin.escapeIdentifier(name);
    await whileInUse(() =>
      admin.query(`CREATE DATABASE ${database} TEMPLATE ${admin.escapeIdentifier(template)} ${strategy()}`),
    );
    for (const [key, value] of Object.entries(settings)) {
      const setting = key.split('.').map((part) => admin.escapeIdentifier(part));
      await admin.query(`ALTER DATABASE ${database} SET ${setting.join('.')} TO ${admin.escapeLiteral(value)}`);
    }
  });
  return {
    url: urlOf(name),
    name,
    drop: () =>
      withAdmin(async (admin) => {
        await admin.query(`DROP DATABASE IF EXISTS ${admin.escapeIdentifier(name)} WITH (FORCE)`);
      }),
  };
}

/**
 * Makes a template database and lets `prepare` fill it, exactly once in a run however many workers ask at once, and
 * returns the name to hand to {@link createTestDatabase}. `prepare` has to close its connections. When it fails
 * nothing is left, and the next caller tries again.
 */
export async function ensureTemplate(name: string, prepare: (url: string) => Promise<void>): Promise<string> {
  const template = `${prefix()}template_${name}`;
  if (Buffer.byteLength(template) > 55) throw new Error(`The name of the template "${name}" is too long`);
  await withAdmin(async (admin) => {
    if (await databaseExists(admin, template)) return;
    // Held by the session, so it goes with a worker that is killed.
    await admin.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [template]);
    if (await databaseExists(admin, template)) return;
    await makeTemplate(admin, template, prepare);
  });
  return template;
}

async function makeTemplate(
  admin: pg.Client,
  template: string,
  prepare: (url: string) => Promise<void>,
): Promise<void> {
  const unfinished = `${template}_making`;
  const database = admin.escapeIdentifier(unfinished);
  await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${database} TEMPLATE template0`);
  try {
    await prepare(urlOf(unfinished));
    // Under its name it is always whole, and nobody can be connected while it is copied.
    await admin.query(`ALTER DATABASE ${database} WITH ALLOW_CONNECTIONS false`);
    await whileInUse(() => admin.query(`ALTER DATABASE ${database} RENAME TO ${admin.escapeIdentifier(template)}`));
  } catch (error) {
    await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    throw error;
  }
}

/** Every database of this run begins so: global-teardown drops them on a server that stays. */
function prefix(): string {
  return `test_${environment('TEST_RUN_ID')}_`;
}

/** How to copy, where global-setup knows it. Servers before PostgreSQL 15 have one way only. */
function strategy(): string {
  const name = process.env['TEST_DATABASE_STRATEGY'];
  return name === undefined ? '' : `STRATEGY ${name}`;
}

function urlOf(database: string): string {
  const url = new URL(environment('TEST_ADMIN_DATABASE_URL'));
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

function environment(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the suites with jest.config.mjs, whose globalSetup sets it.`);
  return value;
}

async function databaseExists(admin: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  return rowCount !== 0;
}

async function withAdmin<T>(work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: environment('TEST_ADMIN_DATABASE_URL') });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function whileInUse<T>(statement: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await statement();
    } catch (error) {
      const inUse = error instanceof pg.DatabaseError && error.code === OBJECT_IN_USE;
      if (!inUse || attempt === OBJECT_IN_USE_TRIES) throw error;
    }
  }
}
