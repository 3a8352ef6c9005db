import { CreateAccount1781000000000 } from './1781000000000-create-account.js';
import { CreateSignInFailure1781000000001 } from './1781000000001-create-sign-in-failure.js';
import { AddTotpFactor1781000000002 } from './1781000000002-add-totp-factor.js';

/** In order; a published migration never changes. */
export const SERVER_MIGRATIONS = [
  CreateAccount1781000000000,
  CreateSignInFailure1781000000001,
  AddTotpFactor1781000000002,
];
