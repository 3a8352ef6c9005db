import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io';
import { vouchFor } from '../nest/credential/vouched-session.js';
import { AnonymousAddresses } from './anonymous-addresses.js';
import { Connection } from './connection.js';
import { LocalConnections } from './local-connections.js';

describe('addresses of connections that nobody has authenticated', () => {
  const connections = new LocalConnections();
  const addresses = new AnonymousAddresses(connections);
  let ids = 0;

  const connect = (address: string | null): Connection => {
    const connection = new Connection({ id: String((ids += 1)) } as unknown as Socket, address, 0);
    connections.add(connection);
    return connection;
  };

  it('count while they are there and nobody’s, and leave nothing behind', () => {
    const [one, two] = [connect('192.0.2.1'), connect('192.0.2.1')];
    connect('192.0.2.2');
    expect(addresses.count('192.0.2.1')).toBe(2);
    connections.bind(one, vouchFor({ sessionId: 's', userId: 'ann' }));
    expect(addresses.count('192.0.2.1')).toBe(1);
    connections.bind(one, null);
    expect(addresses.count('192.0.2.1')).toBe(2);
    connections.remove(one);
    connections.remove(two);
    expect(addresses.count('192.0.2.1')).toBe(0);
    expect(addresses.size).toBe(1);
  });

  it('are one for what a household has of IPv6, and none where they are unknown', () => {
    connect('2001:db8:0:1::1');
    connect('2001:db8:0:1:ffff::2');
    connect('2001:db8:0:2::1');
    expect(addresses.count('2001:db8:0:1::3')).toBe(2);
    connect(null);
    expect(addresses.count(null)).toBe(0);
  });
});
