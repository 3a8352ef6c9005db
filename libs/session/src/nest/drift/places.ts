import { isIPv4, isIPv6 } from 'node:net';

/** What of an address counts: its network, since phones change their address within one, and some with every request. */
const IPV4_BYTES = 3;
const IPV6_GROUPS = 3;
const ALL_GROUPS = 8;
const BITS_OF_GROUP = 16;

/**
 * The network of an address: the /24 of an IPv4 one, the /48 of an IPv6 one, as text to be compared. Anything else is its
 * own network.
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return `${address.split('.').slice(0, IPV4_BYTES).join('.')}.0/24`;
  return isIPv6(address) ? ipv6NetworkOf(address, IPV6_GROUPS) : address;
}

/** So many of the eight groups of an IPv6 address, as text to be compared. */
export function ipv6NetworkOf(address: string, count: number): string {
  const [head = '', tail = ''] = address.split('::');
  const before = head.split(':').filter((group) => group !== '');
  const after = tail.split(':').filter((group) => group !== '');
  const gap = address.includes('::') ? ALL_GROUPS - before.length - after.length : 0;
  const groups = [...before, ...Array<string>(Math.max(0, gap)).fill('0'), ...after];
  return `${groups.slice(0, count).join(':')}::/${count * BITS_OF_GROUP}`;
}

/**
 * What of a user agent counts: all but its versions, since browsers update themselves every few weeks and the session
 * stays theirs.
 */
export function agentOf(userAgent: string): string {
  return userAgent.replaceAll(/\d[\w.+-]*/g, '0');
}
