import type { Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { IdentitySessionError } from '../../core/errors.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionHookRunner } from './session-hook-runner.js';
import type { SessionHooks } from './session-hooks.js';

/** Hooks as Nest has made them. One that is made for each request cannot be asked outside of any. */
export function makeHookRunner(
  classes: readonly Type<SessionHooks>[],
  moduleRef: ModuleRef,
  { hookDeadlineMs }: Pick<ResolvedOptions, 'hookDeadlineMs'>,
): SessionHookRunner {
  const make = (one: Type<SessionHooks>): SessionHooks => {
    try {
      return moduleRef.get(one, { strict: true });
    } catch (error) {
      throw new IdentitySessionError(
        'CONFIGURATION_INVALID',
        `${one.name} of the option hooks is made anew for each request or for each that injects it. Give it the default ` +
          'scope, and let it inject nothing request-scoped.',
        {},
        error,
      );
    }
  };
  return new SessionHookRunner(classes.length === 0, () => classes.map(make), hookDeadlineMs);
}
