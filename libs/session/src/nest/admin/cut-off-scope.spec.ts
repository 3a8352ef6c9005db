import { describe, expect, it } from '@jest/globals';
import type { CutOffScope } from '../../core/cut-off.js';
import type { SessionScope } from '../../store/session-store.js';
import { cutOffScopeOf } from './cut-off-scope.js';

const ALL: SessionScope = { kind: 'all' };
const TENANT: SessionScope = { kind: 'tenant', tenantId: 'acme' };
const USER: SessionScope = { kind: 'user', tenantId: 'acme', userId: 'alice' };
const TEAM: SessionScope = {
  kind: 'users',
  users: [
    { tenantId: 'acme', userId: 'alice' },
    { tenantId: 'other', userId: 'alice' },
    { tenantId: null, userId: 'bob' },
  ],
};
const SUPPORT: SessionScope = { kind: 'impersonator', tenantId: null, userId: 'support' };
const SEVERAL: SessionScope = { kind: 'any', of: [SUPPORT, TENANT, { kind: 'tenant', tenantId: 'other' }] };
const HOMELESS: SessionScope = { kind: 'user', tenantId: null, userId: 'alice' };

describe('what may be cut off', () => {
  it.each<[SessionScope, CutOffScope, CutOffScope]>([
    [ALL, {}, {}],
    [ALL, { tenantId: null }, { tenantId: null }],
    [ALL, { userId: 'bob' }, { userId: 'bob' }],
    [ALL, { tenantId: 'x', userId: 'bob' }, { tenantId: 'x', userId: 'bob' }],
    [TENANT, {}, { tenantId: 'acme' }],
    [TENANT, { tenantId: 'acme' }, { tenantId: 'acme' }],
    [TENANT, { userId: 'bob' }, { tenantId: 'acme', userId: 'bob' }],
    [USER, {}, { tenantId: 'acme', userId: 'alice' }],
    [USER, { userId: 'alice' }, { tenantId: 'acme', userId: 'alice' }],
    [HOMELESS, {}, { tenantId: null, userId: 'alice' }],
    [TEAM, { userId: 'bob' }, { tenantId: null, userId: 'bob' }],
    [TEAM, { tenantId: 'other' }, { tenantId: 'other', userId: 'alice' }],
    [TEAM, { tenantId: 'acme', userId: 'alice' }, { tenantId: 'acme', userId: 'alice' }],
    [SEVERAL, { tenantId: 'other' }, { tenantId: 'other' }],
    [{ kind: 'any', of: [USER, ALL] }, { userId: 'bob' }, { userId: 'bob' }],
    [{ kind: 'any', of: [USER, SUPPORT] }, {}, { tenantId: 'acme', userId: 'alice' }],
  ])('[row 44] within %j, %j means %j', (right, asked, expected) => {
    expect(cutOffScopeOf(asked, right)).toEqual(expected);
  });

  it.each<[SessionScope, CutOffScope]>([
    [TENANT, { tenantId: 'other' }],
    [TENANT, { tenantId: null }],
    [TENANT, { tenantId: 'other', userId: 'bob' }],
    [USER, { userId: 'bob' }],
    [USER, { tenantId: null }],
    [HOMELESS, { tenantId: 'acme' }],
    // What was not said could mean several.
    [TEAM, {}],
    [TEAM, { userId: 'alice' }],
    [SEVERAL, {}],
    [SEVERAL, { userId: 'bob' }],
    [TEAM, { userId: 'carol' }],
    [TEAM, { tenantId: 'acme', userId: 'bob' }],
    // A cut-off would end the user's own sessions too.
    [SUPPORT, {}],
    [SUPPORT, { tenantId: null, userId: 'support' }],
    [{ kind: 'users', users: [] }, {}],
    [{ kind: 'any', of: [] }, {}],
  ])('[row 44] within %j, %j is refused', (right, asked) => {
    expect(() => cutOffScopeOf(asked, right)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  it.each([
    { userId: '' },
    { tenantId: '' },
    { userId: 'a\0' },
    { tenantId: '\uD800' },
    { userId: 7 },
    { userId: null },
  ])('ids that cannot be stored mean nobody, and never everybody: %j', (asked) => {
    expect(() => cutOffScopeOf(asked as unknown as CutOffScope, ALL)).toThrow(
      expect.objectContaining({ code: 'VALIDATION_FAILED' }),
    );
  });
});
