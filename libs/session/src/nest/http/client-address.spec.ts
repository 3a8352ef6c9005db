import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '../../../../../test/support/any-text.js';

import { clientAddress } from './client-address.js';

function address(hops: number, forwarded?: string | string[], remoteAddress?: string): string | null {
  return clientAddress({ headers: { 'x-forwarded-for': forwarded }, socket: { remoteAddress } }, hops);
}

const PEER = '192.0.2.1';

describe('clientAddress', () => {
  it('[row 56] without trusted hops only the socket counts', () => {
    expect(address(0, undefined, PEER)).toBe(PEER);
    expect(address(0, '203.0.113.9', PEER)).toBe(PEER);
    expect(address(-1, '203.0.113.9', PEER)).toBe(PEER);
  });

  it.each([
    [1, '10.0.0.2'],
    [2, '10.0.0.1'],
    [3, '203.0.113.9'],
    [4, '198.51.100.7'],
  ])('[row 56] with %d trusted hops takes that entry from the right', (hops, expected) => {
    expect(address(hops, '198.51.100.7, 203.0.113.9,10.0.0.1 , 10.0.0.2', PEER)).toBe(expected);
  });

  it('[row 56] what the client claims in front changes nothing', () => {
    for (const claim of ['', '1.1.1.1, ', ',,,', '1.1.1.1, 2.2.2.2, ', 'unknown, ', '", ']) {
      expect(address(2, `${claim}203.0.113.9, 10.0.0.1`, PEER)).toBe('203.0.113.9');
    }
  });

  it('[row 56] takes the socket where the header has fewer entries than there are hops', () => {
    expect(address(2, '203.0.113.9', PEER)).toBe(PEER);
    expect(address(1, undefined, PEER)).toBe(PEER);
    expect(address(1e9, '203.0.113.9, 10.0.0.1', PEER)).toBe(PEER);
    expect(address(3, ',10.0.0.1', PEER)).toBe(PEER);
  });

  it.each([
    'unknown',
    '_hidden',
    '',
    ' ',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    'localhost',
    '::g',
    '1.2.3.4:x',
  ])('gives null where the trusted entry is %j, never its neighbour', (entry) => {
    expect(address(2, `203.0.113.9, ${entry}, 10.0.0.1`, PEER)).toBeNull();
  });

  it('counts empty entries, so that the count never moves into what the client wrote', () => {
    expect(address(2, '6.6.6.6,,10.0.0.1', PEER)).toBeNull();
    expect(address(2, ',10.0.0.1', PEER)).toBeNull();
    expect(address(1, ',', PEER)).toBeNull();
  });

  it('reads several headers in order', () => {
    expect(address(2, ['198.51.100.7, 203.0.113.9', '10.0.0.1'], PEER)).toBe('203.0.113.9');
  });

  it('a thousand entries are harmless', () => {
    const header = `${'6.6.6.6, '.repeat(1_000)}203.0.113.9`;
    expect(address(1, header, PEER)).toBe('203.0.113.9');
    expect(address(1_001, header, PEER)).toBe('6.6.6.6');
    expect(address(1_002, header, PEER)).toBe(PEER);
    expect(address(3, ','.repeat(15_000), PEER)).toBeNull();
    expect(address(1, 'f'.repeat(15_000), PEER)).toBeNull();
  });

  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:8080', '1.2.3.4'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:0db8:0:0:0:0:0:0001', '2001:db8::1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6'],
    ['2001:db8::1:2', '2001:db8::1:2'],
    ['1:2:3:4::5:6', '1:2:3:4::5:6'],
    ['1:2:3:4:0:0:5:6', '1:2:3:4::5:6'],
    ['1::2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::1', '::1'],
    ['::', '::'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:443', 'fe80::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['1.2.3.4:55123', '1.2.3.4'],
    ['\t1.2.3.4 ', '1.2.3.4'],
    ['[2001:db8::1', null],
    ['[2001:db8::1]x', null],
    ['[2001:db8::1]:', null],
    ['1.2.3.4%eth0', null],
    ['1.2.3.4/24', null],
  ])('reads the entry %j as %j', (entry, expected) => {
    expect(address(1, entry, PEER)).toBe(expected);
  });

  it('normalises the address of the socket too', () => {
    expect(address(0, undefined, '::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(address(0, undefined, 'fe80::1%eth0')).toBe('fe80::1');
  });

  it('gives null where there is no address: a Unix socket, a closed one, none at all', () => {
    expect(address(0)).toBeNull();
    expect(address(0, undefined, '')).toBeNull();
    expect(clientAddress({ headers: {} }, 0)).toBeNull();
    expect(clientAddress({ headers: {}, socket: null, raw: {} }, 0)).toBeNull();
  });

  it('reads the header behind a proxy on a Unix socket', () => {
    expect(address(1, '203.0.113.9')).toBe('203.0.113.9');
  });

  it("finds the socket of Node's request inside of a Fastify request", () => {
    expect(clientAddress({ headers: {}, raw: { socket: { remoteAddress: PEER } } }, 0)).toBe(PEER);
  });

  it('gives one spelling per address, whatever the header', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), anyText()), (entry) => {
        const once = address(1, entry, PEER);
        if (once !== null && !entry.includes(',')) expect(address(1, once, PEER)).toBe(once);
        expect(once === null || /^[0-9a-f:.]{2,45}$/.test(once)).toBe(true);
      }),
    );
  });
});
