import type { SessionRecord } from '../../core/session.js';
import type { SessionScope } from '../../store/session-store.js';
import { type ContractPart, note, someone } from './store-trial.js';

/** Scopes are part of every verb that takes one: what is outside them is as if it did not exist. */
export const scopesContract: ContractPart = (trial, { describe, it, expect }) => {
  const verbs: readonly [string, (scope: SessionScope, session: SessionRecord) => Promise<boolean>][] = [
    ['end', async (scope, { id }) => (await trial.store.end(scope, id, 'revoked', note)) !== undefined],
    ['suspend', async (scope, { id }) => (await trial.store.changeStatus(scope, id, 'suspended', note)) !== undefined],
    ['rename', async (scope, { id }) => (await trial.store.rename(scope, id, 'renamed', note)) !== undefined],
    [
      'end in bulk',
      async (scope, { id }) => (await trial.store.endMany({ scope, ids: [id] }, 'revoked', note, 10)).length > 0,
    ],
    [
      'list',
      async (scope, { id }) =>
        (await trial.store.list({ scope, ids: [id] }, { limit: 10, descending: false, after: null })).length > 0,
    ],
    ['count', async (scope, { id }) => (await trial.store.count({ scope, ids: [id] })) > 0],
  ];

  describe('a scope', () => {
    for (const [verb, reaches] of verbs) {
      it(`lets a user ${verb} their own and no other user's session [row 42]`, async () => {
        const { tenantId, userId } = someone();
        const session = await trial.signIn({ facts: { tenantId, userId } });
        const foreign: SessionScope[] = [
          { kind: 'user', tenantId, userId: 'another' },
          { kind: 'user', tenantId: null, userId },
          { kind: 'user', tenantId: 'another', userId },
          { kind: 'user', tenantId, userId: `${userId} ` },
          { kind: 'user', tenantId, userId: userId.toUpperCase() },
          { kind: 'user', tenantId, userId: '%' },
          { kind: 'user', tenantId: `${tenantId}:${userId}`, userId: '' },
        ];
        for (const scope of foreign) expect(await reaches(scope, session)).toBe(false);
        expect(await trial.read(session.id)).toEqual(session);
        expect(await reaches({ kind: 'user', tenantId, userId }, session)).toBe(true);
      });

      it(`lets a tenant ${verb} its own and no other tenant's session, nor one without tenant [row 44]`, async () => {
        const { tenantId, userId } = someone();
        const session = await trial.signIn({ facts: { tenantId, userId } });
        const homeless = await trial.signIn({ facts: { tenantId: null, userId } });
        expect(await reaches({ kind: 'tenant', tenantId: someone().tenantId }, session)).toBe(false);
        expect(await reaches({ kind: 'tenant', tenantId }, homeless)).toBe(false);
        expect(await trial.read(session.id)).toEqual(session);
        expect(await trial.read(homeless.id)).toEqual(homeless);
        expect(await reaches({ kind: 'tenant', tenantId }, session)).toBe(true);
      });

      it(`lets the whole scope ${verb} every session`, async () => {
        const session = await trial.signIn({ facts: someone() });
        expect(await reaches({ kind: 'all' }, session)).toBe(true);
      });
    }

    it('keeps a user without tenant apart from one of the same name with a tenant', async () => {
      const { tenantId, userId } = someone();
      await trial.signIn({ facts: { tenantId, userId } });
      const own = await trial.signIn({ facts: { tenantId: null, userId } });
      const ended = await trial.store.endMany({ scope: { kind: 'user', tenantId: null, userId } }, 'revoked', note, 10);
      expect(ended.map(({ id }) => id)).toEqual([own.id]);
    });

    it('holds beside the filter: what only one of the two allows is not matched [row 44]', async () => {
      const { tenantId, userId } = someone();
      const other = someone();
      await trial.signIn({ facts: { tenantId, userId } });
      const scope: SessionScope = { kind: 'tenant', tenantId: other.tenantId };
      expect(await trial.store.endMany({ scope, tenantId }, 'revoked', note, 10)).toEqual([]);
      expect(await trial.store.count({ scope: { kind: 'user', tenantId, userId }, userId: other.userId })).toBe(0);
      expect(await trial.liveOf({ tenantId, userId })).toBe(1);
    });
  });
};
