import { isIP, SocketAddress } from 'node:net';

/** The other end of a connection. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
}

/** The part of a request that tells where it came from; Express, Fastify and Node's requests fit as they are. */
export interface AddressedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket?: Peer | null | undefined;
  /** Fastify's way to Node's request, for requests that do not pass the socket on. */
  readonly raw?: { readonly socket?: Peer | null | undefined } | undefined;
}

/**
 * The client's address as far as it can be trusted, in one spelling per address, so that two can be compared: IPv4
 * also where it came mapped into IPv6, IPv6 compressed and in lower case, without zone and port. `null` where it is
 * unknown or no address.
 *
 * The socket's address is hop 0. With `trustedProxyHops` = n, the n-th entry from the right of X-Forwarded-For counts,
 * the one that the outermost trusted proxy wrote; whatever stands left of it is the client's own claim. A header with
 * fewer entries did not come through all those proxies: then nothing in it is trusted and the socket's address counts.
 * Empty entries count as entries, for skipping them would move the count into the client's part. The entry is taken or
 * it is `null`, never its neighbour. Reads as many entries as there are hops, however long the header.
 *
 * @see OWASP ASVS 5.0 4.1.3
 */
export function clientAddress(request: AddressedRequest, trustedProxyHops: number): string | null {
  const forwarded = trustedProxyHops > 0 ? request.headers['x-forwarded-for'] : undefined;
  const entry = forwarded === undefined ? undefined : nthFromRight(forwarded, trustedProxyHops);
  if (entry !== undefined) return normalAddress(withoutPort(entry.trim()));
  const peer = request.socket?.remoteAddress ?? request.raw?.socket?.remoteAddress;
  return peer === undefined ? null : normalAddress(peer);
}

function nthFromRight(forwarded: string | readonly string[], n: number): string | undefined {
  const list = typeof forwarded === 'string' ? forwarded : forwarded.join(',');
  let end = list.length;
  for (let position = 1; ; position++) {
    // lastIndexOf takes a negative start for 0 and would find a comma there for ever.
    const comma = end > 0 ? list.lastIndexOf(',', end - 1) : -1;
    if (position === n) return list.slice(comma + 1, end);
    if (comma === -1) return undefined;
    end = comma;
  }
}

const PORT = /^:[0-9]{1,5}$/;

/** `1.2.3.4:80`, `[::1]:80` and `[::1]` without what is around them; anything else as it is. */
function withoutPort(text: string): string {
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    const rest = text.slice(end + 1);
    return end !== -1 && (rest === '' || PORT.test(rest)) ? text.slice(1, end) : text;
  }
  const colon = text.indexOf(':');
  return colon !== -1 && PORT.test(text.slice(colon)) ? text.slice(0, colon) : text;
}

/** The longest IPv6 address with the longest zone fits. */
const MAX_ADDRESS_LENGTH = 64;
const MAPPED_PREFIX = '::ffff:';
/**
 * Most clients' addresses are in normal form already, and making it costs more than all the rest: eight groups without
 * leading zeros have no other spelling, nor has a single gap with at most six such groups around it.
 */
const NORMAL_IPV6 =
  /^(?:(?:[1-9a-f][0-9a-f]{0,3}:){7}[1-9a-f][0-9a-f]{0,3}|(?:[1-9a-f][0-9a-f]{0,3}:){1,4}(?::[1-9a-f][0-9a-f]{0,3}){1,2})$/;

function normalAddress(text: string): string | null {
  if (text.length > MAX_ADDRESS_LENGTH) return null;
  const mapped = mappedIPv4(text);
  if (mapped !== undefined) return mapped;
  const family = isIP(text);
  if (family === 0) return null;
  if (family === 4 || NORMAL_IPV6.test(text)) return text;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  return mappedIPv4(address) ?? address;
}

/** The IPv4 address in the usual spelling of a mapped one, which is how a dual-stack socket shows its IPv4 peers. */
function mappedIPv4(text: string): string | undefined {
  if (!text.startsWith(MAPPED_PREFIX)) return undefined;
  const rest = text.slice(MAPPED_PREFIX.length);
  return isIP(rest) === 4 ? rest : undefined;
}
