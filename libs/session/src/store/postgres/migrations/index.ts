import { CreateIdentitySession1780000000000 } from './1780000000000-create-identity-session.js';
import { AddPreviousToken1780000000001 } from './1780000000001-add-previous-token.js';
import { ReplaceCutOffs1780000000002 } from './1780000000002-replace-cut-offs.js';
import { AddAdministration1780000000003 } from './1780000000003-add-administration.js';
import { AddCleanup1780000000004 } from './1780000000004-add-cleanup.js';
import { AddSettings1780000000005 } from './1780000000005-add-settings.js';

/** In order; a published migration never changes. */
export const IDENTITY_SESSION_MIGRATIONS = [
  CreateIdentitySession1780000000000,
  AddPreviousToken1780000000001,
  ReplaceCutOffs1780000000002,
  AddAdministration1780000000003,
  AddCleanup1780000000004,
  AddSettings1780000000005,
];
