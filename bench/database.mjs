import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@identity-session/embedded-postgres';
import { migrateIdentitySession } from 'nestjs-identity-session';
import { DataSource } from 'typeorm';

/** The PostgreSQL that is given, else one of the benchmark's own, which goes with `stop`; and what to call it. */
export async function startDatabase(givenUrl) {
  if (givenUrl !== undefined)
    return { url: givenUrl, name: 'the PostgreSQL that was given', stop: async () => undefined };
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir });
  return {
    url: postgres.url,
    name: 'embedded PostgreSQL',
    stop: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Makes the module's tables. */
export async function migrate(url) {
  const dataSource = await new DataSource({ type: 'postgres', url }).initialize();
  await migrateIdentitySession(dataSource);
  await dataSource.destroy();
}
