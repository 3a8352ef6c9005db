const EQUALS = 0x3d;
const SPACE = 0x20;

/**
 * The value of one cookie in a Cookie header, exactly as it was sent: neither decoded, nor unquoted, nor trimmed, so
 * that a quoted token is no token. `undefined` where the name is absent or occurs more than once, with whatever
 * values: which of two a server reads is a matter of luck, and an attacker on a sibling domain can plant a second one.
 *
 * The name must match to the letter: pairs are separated by `;` and at most one space, everything else belongs to the
 * name. Time is linear in the header; nothing is allocated but the value.
 *
 * @see RFC 6265 section 4.2.1
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  let value: string | undefined;
  for (let start = 0; ;) {
    const separator = header.indexOf(';', start);
    if (header.charCodeAt(start + name.length) === EQUALS && header.startsWith(name, start)) {
      if (value !== undefined) return undefined;
      value = header.slice(start + name.length + 1, separator === -1 ? undefined : separator);
    }
    if (separator === -1) return value;
    start = separator + (header.charCodeAt(separator + 1) === SPACE ? 2 : 1);
  }
}
