import { IdentitySessionError } from '../core/errors.js';

/** A scope of no known kind, from an access policy that was written in JavaScript: nobody's right is everybody's. */
export function unknownScope(scope: { readonly kind?: unknown }): IdentitySessionError {
  const kind = String(scope.kind);
  return new IdentitySessionError('CONFIGURATION_INVALID', `The access policy gave a scope of the kind "${kind}".`);
}
