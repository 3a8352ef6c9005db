import { CreateIdentitySession1780000000000 } from './1780000000000-create-identity-session.js';

/** In order; a published migration never changes. */
export const IDENTITY_SESSION_MIGRATIONS = [CreateIdentitySession1780000000000];
