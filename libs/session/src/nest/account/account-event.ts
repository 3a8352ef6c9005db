import type { AssuranceLevel } from '../../core/session.js';
import type { DataPatch } from '../../core/merge-patch.js';
import type { Session } from '../session/session.js';
import type { RotationResult } from '../sign-in/session-rotation.js';
import type { SessionExchange } from '../sign-in/sign-in.js';

/**
 * What an event of an account does to the user's sessions. `end-all`: every one ends. `end-others`: the one that the user
 * did it in gets a new token, its old one is dead at once, and every other ends; where an administrator or a job did it,
 * all end. `rotate`: that one gets a new token, and the others go on. `refresh-data`: all go on.
 */
export type AccountEffect = 'end-all' | 'end-others' | 'rotate' | 'refresh-data';

export const ACCOUNT_EFFECTS: readonly AccountEffect[] = ['end-all', 'end-others', 'rotate', 'refresh-data'];

/** What can happen to an account, and what it does unless the option `accountEvents` says otherwise. */
export const ACCOUNT_EFFECT_DEFAULTS = {
  passwordChanged: 'end-others',
  factorChanged: 'end-others',
  roleChanged: 'refresh-data',
  lockedOut: 'end-all',
  disabled: 'end-all',
  deleted: 'end-all',
} as const satisfies Record<string, AccountEffect>;

export type AccountEventName = keyof typeof ACCOUNT_EFFECT_DEFAULTS;

/** Kept with what they change, unless the call names a reason of its own. */
export const ACCOUNT_REASONS: Readonly<Record<AccountEventName, string>> = {
  passwordChanged: 'password_changed',
  factorChanged: 'factor_changed',
  roleChanged: 'role_changed',
  lockedOut: 'account_locked',
  disabled: 'account_disabled',
  deleted: 'account_deleted',
};

/** Whose account, and who did it. With `request` and `response` a new token goes back the way that the old one came. */
export interface AccountEventInput extends SessionExchange {
  readonly userId: string;
  readonly tenantId?: string | null | undefined;
  /** The session in which the users did it themselves; none where somebody else did. */
  readonly session?: Session | undefined;
  /** The user has just proved who they are, with the current password say: the session is fresh again. */
  readonly reauthenticated?: boolean | undefined;
  /** The level that the session has from then on, where it is rotated: another one for a factor added or removed. */
  readonly assurance?: AssuranceLevel | undefined;
  /** Who did it. Default: the user of `session`, else `null`. */
  readonly by?: string | null | undefined;
  /** Kept with every change. Default `password_changed` and the like. */
  readonly reason?: string | undefined;
  /**
   * Whether protected sessions end too where others do. Default true: with the account, or with what the user signed in by,
   * goes all that was opened by it.
   */
  readonly includeProtected?: boolean | undefined;
  /** Merged into the data of every session that goes on: a role, a name. */
  readonly data?: DataPatch | undefined;
}

export interface AccountEventResult {
  /** Sessions that this call has ended. */
  readonly ended: number;
  /** Sessions whose data it has changed. */
  readonly refreshed: number;
  /** The session in which it was done, with its new token; `null` where it has none. */
  readonly rotated: RotationResult | null;
}
