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
    [
      'read the history of',
      async (scope, { id }) => (await trial.store.history(scope, id, { limit: 10, after: null })) !== undefined,
    ],
    ['list the id of', async (scope, { id }) => (await trial.store.listIds({ scope, ids: [id] }, 10)).length > 0],
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

      it(`lets a delegate ${verb} the sessions of those users and of no other [row 42]`, async () => {
        const [one, two, other] = [someone(), someone(), someone()];
        const session = await trial.signIn({ facts: one });
        const foreign: SessionScope[] = [
          { kind: 'users', users: [] },
          { kind: 'users', users: [two, other] },
          // The right names, put together wrongly.
          {
            kind: 'users',
            users: [
              { tenantId: two.tenantId, userId: one.userId },
              { tenantId: one.tenantId, userId: two.userId },
            ],
          },
          { kind: 'users', users: [{ tenantId: null, userId: one.userId }] },
        ];
        for (const scope of foreign) expect(await reaches(scope, session)).toBe(false);
        expect(await trial.read(session.id)).toEqual(session);
        expect(await reaches({ kind: 'users', users: [two, one] }, session)).toBe(true);
      });

      it(`lets whoever began a session as somebody else ${verb} it, and nothing else of that user [row 42]`, async () => {
        const [actor, user] = [someone(), someone()];
        const own = await trial.signIn({ facts: user });
        const begun = await trial.signIn({ facts: user, impersonator: actor });
        expect(begun.impersonator).toEqual(actor);
        const mine: SessionScope = { kind: 'impersonator', ...actor };
        const foreign: SessionScope[] = [
          { kind: 'impersonator', ...user },
          { kind: 'impersonator', tenantId: null, userId: actor.userId },
          { kind: 'impersonator', tenantId: user.tenantId, userId: actor.userId },
        ];
        expect(await reaches(mine, own)).toBe(false);
        for (const scope of foreign) expect(await reaches(scope, begun)).toBe(false);
        expect(await trial.read(begun.id)).toEqual(begun);
        expect(await trial.read(own.id)).toEqual(own);
        expect(await reaches(mine, begun)).toBe(true);
      });

      it(`lets whoever has several rights ${verb} what one of them allows, and nothing by none [row 42]`, async () => {
        const [one, two] = [someone(), someone()];
        const session = await trial.signIn({ facts: one });
        const scopes: SessionScope[] = [
          { kind: 'user', ...two },
          { kind: 'tenant', tenantId: two.tenantId },
          { kind: 'any', of: [] },
          { kind: 'users', users: [] },
        ];
        for (const scope of [...scopes, { kind: 'any', of: scopes } as const]) {
          expect(await reaches(scope, session)).toBe(false);
        }
        expect(await trial.read(session.id)).toEqual(session);
        const several: SessionScope = { kind: 'any', of: [...scopes, { kind: 'tenant', tenantId: one.tenantId }] };
        expect(await reaches(several, session)).toBe(true);
      });

      it(`refuses to ${verb} by a scope that is none`, async () => {
        const session = await trial.signIn({ facts: someone() });
        const unknown = [{ kind: 'everything' }, { kind: 'any', of: [{ kind: 'admin' }] }, {}];
        for (const scope of unknown) {
          const refused = await reaches(scope as SessionScope, session).catch((error: unknown) => error);
          expect(refused).toMatchObject({ code: 'CONFIGURATION_INVALID' });
        }
        expect(await trial.read(session.id)).toEqual(session);
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
