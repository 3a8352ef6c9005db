import { isIPv6 } from 'node:net';

/** The leading groups that one subscriber usually has to itself: a /64. */
const NETWORK_GROUPS = 4;
const ALL_GROUPS = 8;

/** What counts as one address: an IPv4 address, or the /64 of an IPv6 one, since its owner may use any of them. */
export function clientNetwork(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.split('::');
  const before = head.split(':').filter((group) => group !== '');
  const after = tail.split(':').filter((group) => group !== '');
  const zeros = address.includes('::') ? Array<string>(Math.max(0, ALL_GROUPS - before.length - after.length)) : [];
  return `${[...before, ...zeros.fill('0'), ...after].slice(0, NETWORK_GROUPS).join(':')}::/64`;
}
