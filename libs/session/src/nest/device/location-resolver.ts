/** Tells where an address is, for people who look at their sessions. Asked at sign-in, never on the request path. */
export interface LocationResolver {
  /** A place as plain text, such as "Lyon, France"; `null` where it is unknown. */
  resolve(ip: string): string | null | Promise<string | null>;
}

/** Knows no place; the default, since the module brings no data about addresses. */
export class NoLocationResolver implements LocationResolver {
  resolve(_ip: string): null {
    return null;
  }
}
