import { DataSource } from 'typeorm';
import { migrateIdentitySession } from './migrate.js';

// A node that migrates and goes: run as a process of its own, so that it can be killed.
const dataSource = await new DataSource({ type: 'postgres', url: process.argv[2] ?? '' }).initialize();
await migrateIdentitySession(dataSource);
await dataSource.destroy();
