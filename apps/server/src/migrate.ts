import { runMigrations } from './start/run-migrations.js';

process.exit(await runMigrations());
