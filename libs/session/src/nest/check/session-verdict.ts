import type { Session } from '../session/session.js';
import type { Refusal } from './refusals.js';

/** Either the session, or why there is none. */
export type SessionVerdict =
  | {
      readonly session: Session;
      readonly error?: undefined;
      /** The token to use from now on: a secret, for whoever presented the one before and for nobody else. */
      readonly successor?: string | undefined;
    }
  | Refusal;
