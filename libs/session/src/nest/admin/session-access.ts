import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import type { SessionScope } from '../../store/session-store.js';
import { SESSION_ACCESS_POLICY } from '../module/tokens.js';
import type { Session } from '../session/session.js';
import type { AdministrationAction, SessionAccessPolicy } from './session-access-policy.js';

/** Asks the application's policy before anything is looked up. Exists only where there is one. */
@Injectable()
export class SessionAccess {
  constructor(@Inject(SESSION_ACCESS_POLICY) private readonly policy: SessionAccessPolicy) {}

  /** @throws IdentitySessionError `FORBIDDEN` where the policy gives no scope */
  async scopeOf(actor: Session, action: AdministrationAction): Promise<SessionScope> {
    const scope = (await this.policy.scopeFor(actor, action)) as SessionScope | null | undefined;
    // A policy written in JavaScript may forget to return.
    if (scope === null || scope === undefined) {
      throw new IdentitySessionError('FORBIDDEN', 'You may not administrate sessions.');
    }
    return scope;
  }
}
