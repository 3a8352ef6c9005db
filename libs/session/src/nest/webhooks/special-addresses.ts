import { BlockList, isIPv6 } from 'node:net';

/** Networks that no receiver on the internet is in. @see RFC 6890 */
const V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const;
const V6 = [
  ['::', 127],
  ['64:ff9b::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const;

const SPECIAL = new BlockList();
for (const [network, prefix] of V4) SPECIAL.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of V6) SPECIAL.addSubnet(network, prefix, 'ipv6');

/** Whether an address is of this machine, of a private network, or of no host at all; IPv4 inside of IPv6 too. */
export function isSpecialAddress(address: string): boolean {
  return SPECIAL.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
