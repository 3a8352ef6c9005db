/** That a hook wants something not to be done. */
export class HookRefusal extends Error {
  override readonly name = 'HookRefusal';
}

/**
 * For a `before` hook to throw or to answer.
 * @param reason is told to the client
 */
export function refuse(reason: string): HookRefusal {
  return new HookRefusal(reason);
}
