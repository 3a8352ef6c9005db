const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** True for an account's id in its only accepted form: a lower-case UUID with hyphens. */
export function isAccountId(text: string): boolean {
  return UUID.test(text);
}
