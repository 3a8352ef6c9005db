// What administrators ask, by name. A search gives a filter and, where it is not the newest first, how it is ordered.
import { NAMES } from './seed.mjs';

const ALL = { kind: 'all' };
const active = (filter = {}) => ({ scope: ALL, status: 'active', ...filter });
const users = Array.from({ length: 50 }, (_, n) => ({
  tenantId: n % 2 === 0 ? 'tenant-1' : null,
  userId: `user-${n}`,
}));
const owner = { tenantId: NAMES.largeTenant, userId: NAMES.plainUser };
const support = { kind: 'impersonator', tenantId: null, userId: NAMES.impersonator };

/** `session` is any of them. */
export const searches = (session) => ({
  'active, newest first': { filter: active() },
  'active, oldest first': { filter: active(), descending: false },
  'everything that lives': { filter: active({ status: 'live' }) },
  ...Object.fromEntries(
    ['pending', 'suspended', 'signed_out', 'expired', 'evicted', 'revoked', 'rejected'].map((status) => [
      `status ${status}${status === 'rejected' ? ', which nobody has' : ''}`,
      { filter: active({ status }) },
    ]),
  ),
  'a user': { filter: active({ userId: NAMES.plainUser }) },
  'a user, ended': { filter: active({ userId: NAMES.plainUser, status: 'expired' }) },
  'a user with very many': { filter: active({ userId: NAMES.busyUser }) },
  'a user by last access': { filter: active({ userId: NAMES.plainUser }), sort: 'lastAccessedAt' },
  'a user with very many by last access': { filter: active({ userId: NAMES.busyUser }), sort: 'lastAccessedAt' },
  'a user that nobody is': { filter: active({ userId: 'nobody' }) },
  'a large tenant': { filter: active({ tenantId: NAMES.largeTenant }) },
  'a large tenant, oldest first': { filter: active({ tenantId: NAMES.largeTenant }), descending: false },
  'a large tenant, revoked': { filter: active({ tenantId: NAMES.largeTenant, status: 'revoked' }) },
  'a small tenant': { filter: active({ tenantId: NAMES.smallTenant }) },
  'a tenant that nobody has': { filter: active({ tenantId: 'nowhere' }) },
  'a common client': { filter: active({ clientId: NAMES.commonClient }) },
  'a rare client': { filter: active({ clientId: NAMES.rareClient }) },
  'a rare client, ended': { filter: active({ clientId: NAMES.rareClient, status: 'expired' }) },
  'a client that nobody has': { filter: active({ clientId: 'nothing' }) },
  'a common device type': { filter: active({ deviceType: 'web' }) },
  'a rare device type': { filter: active({ deviceType: 'other' }) },
  'a rare device type of a large tenant': { filter: active({ deviceType: 'other', tenantId: NAMES.largeTenant }) },
  'a rare client of a large tenant': { filter: active({ clientId: NAMES.rareClient, tenantId: NAMES.largeTenant }) },
  'a client on a device type that it has not': { filter: active({ clientId: 'app', deviceType: 'web' }) },
  'an address': { filter: active({ ip: '10.42.1.3' }) },
  'an address that a session moved to': { filter: active({ ip: '203.0.7.28' }) },
  'an address with very many': { filter: active({ ip: NAMES.crowdedAddress }) },
  'an address that nobody has': { filter: active({ ip: '192.0.2.255' }) },
  'prefix of an id': { filter: active({ q: session.id.slice(0, 18) }) },
  'prefix of very many ids': { filter: active({ q: session.id.slice(0, 3) }) },
  'prefix of a user': { filter: active({ q: 'user-4242' }) },
  'prefix of very many users': { filter: active({ q: 'user-1' }) },
  'prefix of an address': { filter: active({ q: '10.42.1.' }) },
  'prefix of very many addresses': { filter: active({ q: '203.' }) },
  'prefix of nothing': { filter: active({ q: 'zzz' }) },
  'prefix of many that have ended, none of them pending': { filter: active({ q: 'user-2', status: 'pending' }) },
  'an administrator of a tenant': { filter: active({ scope: { kind: 'tenant', tenantId: NAMES.largeTenant } }) },
  'a delegate of fifty users': { filter: active({ scope: { kind: 'users', users } }) },
  'an impersonator': { filter: active({ scope: support }) },
  'an impersonator and owner': {
    filter: active({ scope: { kind: 'any', of: [support, { kind: 'user', ...owner }] } }),
  },
});

/** What has no pages. */
export const questions = (session) => ({
  'one session': (store) => store.list({ scope: ALL, ids: [session.id] }, { limit: 1, descending: false, after: null }),
  'one session of a tenant': (store) =>
    store.list(
      { scope: { kind: 'tenant', tenantId: NAMES.largeTenant }, ids: [session.id] },
      { limit: 1, descending: false, after: null },
    ),
  'the history of a session': (store) => store.history(ALL, session.id, { limit: 51, after: null }),
  'the live sessions of a user': (store) =>
    store.list(active({ userId: NAMES.plainUser, status: 'live' }), { limit: 1_000, descending: true, after: null }),
  'how many of a small tenant would end': (store) =>
    store.count(active({ tenantId: NAMES.smallTenant, status: 'unended' })),
  'how many of a user would end': (store) => store.count(active({ userId: NAMES.plainUser, status: 'unended' })),
  'how many of a rare client would end': (store) =>
    store.count(active({ clientId: NAMES.rareClient, status: 'unended' })),
});
