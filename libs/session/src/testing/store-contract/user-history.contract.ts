import { keepsUserHistory, type UserHistoryStore } from '../../store/session-history.js';
import type { SessionScope } from '../../store/session-store.js';
import { type ContractPart, everywhere, note, someone } from './store-trial.js';

const whole = { limit: 100, after: null };

/** What has happened to all sessions of a user, in one list. */
export const userHistoryContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('the history of a user', () => {
    const trying =
      (test: (store: UserHistoryStore) => Promise<void>): (() => Promise<void>) =>
      async () => {
        if (keepsUserHistory(trial.store)) await test(trial.store);
      };

    it(
      'is that of all sessions, in order, in parts without gap or double',
      trying(async (store) => {
        const facts = someone();
        const { userId, tenantId } = facts;
        const [first, second] = [await trial.signIn({ facts }), await trial.signIn({ facts })];
        await trial.store.rename(everywhere, first.id, 'x', note);
        await trial.store.end(everywhere, second.id, 'revoked', note);
        await trial.store.cutOff({ tenantId, userId }, { reason: 'incident', by: 'admin' });
        const all = await store.userHistory(everywhere, userId, whole);
        expect(all.map(({ sessionId, type }) => [sessionId, type])).toEqual([
          [first.id, 'created'],
          [second.id, 'created'],
          [first.id, 'renamed'],
          [second.id, 'revoked'],
          [null, 'cut_off'],
        ]);
        expect(all.every((entry) => entry.tenantId === tenantId)).toBe(true);
        expect(all[2]?.changes).toEqual([{ field: 'deviceName', from: null, to: 'x' }]);
        expect({ ...all[0], sessionId: undefined, tenantId: undefined }).toEqual({
          ...(await trial.store.history(everywhere, first.id, whole))?.[0],
          sessionId: undefined,
          tenantId: undefined,
        });
        const seen: unknown[] = [];
        let after: string | null = null;
        for (;;) {
          const part: typeof all = await store.userHistory(everywhere, userId, { limit: 2, after });
          seen.push(...part);
          if (part.length < 2) break;
          after = part.at(-1)?.id ?? null;
        }
        expect(seen).toEqual(all);
      }),
    );

    it(
      'tells nobody of what is not in scope [row 44]',
      trying(async (store) => {
        const facts = someone();
        const { userId, tenantId } = facts;
        const impersonator = { tenantId: null, userId: `support-${userId}` };
        await trial.signIn({ facts });
        const other = await trial.signIn({ facts: { ...facts, tenantId: `${tenantId}-other` } });
        const taken = await trial.signIn({ facts, impersonator });
        const seen = async (scope: SessionScope) => (await store.userHistory(scope, userId, whole)).length;
        expect(await seen(everywhere)).toBe(3);
        expect(await seen({ kind: 'tenant', tenantId: other.tenantId ?? '' })).toBe(1);
        expect(await seen({ kind: 'user', tenantId, userId })).toBe(2);
        expect(await seen({ kind: 'user', tenantId, userId: 'somebody-else' })).toBe(0);
        expect(await seen({ kind: 'users', users: [] })).toBe(0);
        expect(await seen({ kind: 'any', of: [] })).toBe(0);
        const own = await store.userHistory({ kind: 'impersonator', ...impersonator }, userId, whole);
        expect(own.map(({ sessionId }) => sessionId)).toEqual([taken.id]);
      }),
    );
  });
};
