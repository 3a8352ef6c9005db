import type { MigrationInterface } from 'typeorm';
import { CreateIdentitySession1780000000000 } from './1780000000000-create-identity-session.js';
import { AddPreviousToken1780000000001 } from './1780000000001-add-previous-token.js';
import { ReplaceCutOffs1780000000002 } from './1780000000002-replace-cut-offs.js';
import { AddAdministration1780000000003 } from './1780000000003-add-administration.js';
import { AddCleanup1780000000004 } from './1780000000004-add-cleanup.js';
import { AddSettings1780000000005 } from './1780000000005-add-settings.js';
import { AddConnections1780000000006 } from './1780000000006-add-connections.js';
import { AddSocketAttachments1780000000007 } from './1780000000007-add-socket-attachments.js';
import { AddIndexes1780000000010 } from './1780000000010-add-indexes.js';
import { AddStates1780000000011 } from './1780000000011-add-states.js';
import { AddDataAndLocks1780000000012 } from './1780000000012-add-data-and-locks.js';
import { AddJobs1780000000013 } from './1780000000013-add-jobs.js';
import { AddListeners1780000000014 } from './1780000000014-add-listeners.js';
import { AddProtection1780000000015 } from './1780000000015-add-protection.js';
import { AddUndo1780000000016 } from './1780000000016-add-undo.js';
import { AddHistory1780000000017 } from './1780000000017-add-history.js';
import { AddNodeCounts1780000000018 } from './1780000000018-add-node-counts.js';

/**
 * In order; a published migration never changes. For any `migrationsTransactionMode`: in a transaction of the caller's
 * (`all`, `each`) indexes are built plainly, and writes wait for them; without one (`none`), while everything goes on.
 */
export const IDENTITY_SESSION_MIGRATIONS = [
  CreateIdentitySession1780000000000,
  AddPreviousToken1780000000001,
  ReplaceCutOffs1780000000002,
  AddAdministration1780000000003,
  AddCleanup1780000000004,
  AddSettings1780000000005,
  AddConnections1780000000006,
  AddSocketAttachments1780000000007,
  AddIndexes1780000000010,
  AddStates1780000000011,
  AddDataAndLocks1780000000012,
  AddJobs1780000000013,
  AddListeners1780000000014,
  AddProtection1780000000015,
  AddUndo1780000000016,
  AddHistory1780000000017,
  AddNodeCounts1780000000018,
];

/** What takes its time on a large table. */
const LONG: readonly (new () => MigrationInterface)[] = [
  AddIndexes1780000000010,
  AddProtection1780000000015,
  AddHistory1780000000017,
];

/**
 * The same as the module runs them: in a transaction each, but for the long ones. The mark is not on the class itself,
 * since TypeORM refuses it where all migrations of an application share one transaction.
 */
export const OWN_MIGRATIONS: (new () => MigrationInterface)[] = IDENTITY_SESSION_MIGRATIONS.map((migration) =>
  LONG.includes(migration)
    ? class extends migration {
        readonly transaction = false;
      }
    : migration,
);
