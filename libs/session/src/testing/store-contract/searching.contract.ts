import type { SessionRecord } from '../../core/session.js';
import type { SessionFilter } from '../../store/session-store.js';
import { type ContractPart, everywhere, note, someone, sortedIdsOf } from './store-trial.js';

/** By address, and by the beginning of an id, a user's id or an address. */
export const searchingContract: ContractPart = (trial, { describe, it, expect }) => {
  const find = async (filter: Omit<SessionFilter, 'scope'>): Promise<string[]> => {
    const whole: SessionFilter = { scope: everywhere, ...filter };
    const found = await trial.store.list(whole, { limit: 1_000, descending: false, after: null });
    expect(await trial.store.count(whole)).toBe(found.length);
    return sortedIdsOf(found);
  };
  const moveTo = async (session: SessionRecord, ip: string): Promise<void> => {
    await trial.store.touchMany([{ id: session.id, at: await trial.store.now(), ip }]);
  };

  describe('a search by address', () => {
    it('finds where sessions began and where they are now, and neither in between', async () => {
      const { tenantId } = someone();
      const signIn = (ip: string | null) => trial.signIn({ facts: { tenantId }, ip });
      const stayed = await signIn('192.0.2.1');
      const moved = await signIn('192.0.2.1');
      const came = await signIn('192.0.2.9');
      const toured = await signIn(null);
      await moveTo(moved, '192.0.2.2');
      await moveTo(came, '192.0.2.1');
      for (const ip of ['192.0.2.1', '192.0.2.3']) await moveTo(toured, ip);
      expect(await find({ tenantId, ip: '192.0.2.1' })).toEqual(sortedIdsOf([stayed, moved, came]));
      expect(await find({ tenantId, ip: '192.0.2.2' })).toEqual([moved.id]);
      expect(await find({ tenantId, ip: '192.0.2.3' })).toEqual([toured.id]);
      for (const ip of ['192.0.2', '192.0.2.1 ', '%', '192.0.2._']) expect(await find({ tenantId, ip })).toEqual([]);
    });

    it('holds beside other conditions, and for ending many', async () => {
      const { tenantId, userId } = someone();
      const ip = '198.51.100.7';
      const mine = await trial.signIn({ facts: { tenantId, userId }, ip });
      const other = await trial.signIn({ facts: { tenantId }, ip });
      await trial.store.end(everywhere, other.id, 'revoked', note);
      const later = await trial.signIn({ facts: { tenantId, userId } });
      await moveTo(later, ip);
      expect(await find({ tenantId, ip, status: 'revoked' })).toEqual([other.id]);
      expect(await find({ tenantId, ip, status: 'active' })).toEqual(sortedIdsOf([mine, later]));
      expect(await find({ tenantId, ip, userId: `${userId}x` })).toEqual([]);
      const ended = await trial.store.endMany({ scope: everywhere, tenantId, ip }, 'revoked', note, 10);
      expect(sortedIdsOf(ended)).toEqual(sortedIdsOf([mine, later]));
    });
  });

  describe('a search by prefix', () => {
    it('finds the beginning of an id, of a user and of an address, first or last', async () => {
      const { tenantId, userId } = someone();
      const byUser = await trial.signIn({ facts: { tenantId, userId } });
      const byFirst = await trial.signIn({ facts: { tenantId }, ip: '2001:db8::42' });
      const byLast = await trial.signIn({ facts: { tenantId }, ip: '192.0.2.1' });
      await moveTo(byLast, '2001:db8::43');
      expect(await find({ tenantId, q: userId.slice(0, 20) })).toEqual([byUser.id]);
      expect(await find({ tenantId, q: '2001:db8::4' })).toEqual(sortedIdsOf([byFirst, byLast]));
      expect(await find({ tenantId, q: '2001:db8::43' })).toEqual([byLast.id]);
      for (const { id } of [byUser, byFirst, byLast]) expect(await find({ tenantId, q: id })).toEqual([id]);
      const ids = [byUser, byFirst, byLast].map(({ id }) => id);
      for (const length of [1, 8, 9, 13, 14, 23, 35]) {
        const q = byUser.id.slice(0, length);
        expect(await find({ tenantId, q })).toEqual(ids.filter((id) => id.startsWith(q)).sort());
      }
    });

    it('takes no text for a pattern, nor a middle for a beginning', async () => {
      const { tenantId } = someone();
      const userId = 'a%b_c\\d';
      const session = await trial.signIn({ facts: { tenantId, userId } });
      for (const q of ['a', 'a%', 'a%b_', 'a%b_c\\', userId]) expect(await find({ tenantId, q })).toEqual([session.id]);
      for (const q of [
        '%',
        '_',
        'A',
        'b_c',
        'a_',
        'a%b%',
        `${userId}d`,
        '\\',
        `{${session.id}`,
        session.id.toUpperCase(),
      ]) {
        expect(await find({ tenantId, q })).toEqual([]);
      }
    });
  });

  describe('a history', () => {
    const whole = { limit: 100, after: null };

    it('tells what happened, by whom, why and when, oldest first', async () => {
      const { tenantId, userId } = someone();
      const { id, createdAt } = await trial.signIn({ facts: { tenantId, userId } });
      await trial.store.rename(everywhere, id, 'Phone', { reason: 'renamed', by: userId });
      await trial.store.changeStatus(everywhere, id, 'suspended', { reason: 'odd', by: 'admin' });
      await trial.store.changeStatus(everywhere, id, 'active', { reason: 'fine', by: 'admin' });
      const { endedAt } = (await trial.store.end(everywhere, id, 'revoked', { reason: 'gone', by: null })) ?? {};
      const history = (await trial.store.history(everywhere, id, whole)) ?? [];
      const source = 'code';
      expect(history.map(({ id: _, at: __, ip: ___, changes: ____, ...entry }) => entry)).toEqual([
        { type: 'created', version: 1, reason: null, actor: userId, source: 'sign-in' },
        { type: 'renamed', version: 2, reason: 'renamed', actor: userId, source },
        { type: 'suspended', version: 3, reason: 'odd', actor: 'admin', source },
        { type: 'activated', version: 4, reason: 'fine', actor: 'admin', source },
        { type: 'revoked', version: 5, reason: 'gone', actor: null, source },
      ]);
      expect(history[0]?.at).toBe(createdAt);
      expect(history.at(-1)?.at).toBe(endedAt);
    });

    it('comes in parts without gap or double', async () => {
      const { id } = await trial.signIn();
      for (let n = 0; n < 5; n += 1) await trial.store.rename(everywhere, id, `name ${n}`, note);
      const all = (await trial.store.history(everywhere, id, whole)) ?? [];
      const seen: unknown[] = [];
      let after: string | null = null;
      for (let parts = 0; parts < 4; parts += 1) {
        const part: typeof all = (await trial.store.history(everywhere, id, { limit: 2, after })) ?? [];
        seen.push(...part);
        after = part.at(-1)?.id ?? after;
      }
      expect(all.length).toBe(6);
      expect(seen).toEqual(all);
    });

    it('ends with the cut-off that has ended the session, once', async () => {
      const facts = someone();
      const { id } = await trial.signIn({ facts });
      const typesOf = async () => ((await trial.store.history(everywhere, id, whole)) ?? []).map(({ type }) => type);
      const { notBefore } = await trial.store.cutOff(facts, { reason: 'incident', by: 'admin' });
      const last = (await trial.store.history(everywhere, id, whole))?.at(-1);
      expect(last).toEqual({
        id: null,
        type: 'cut_off',
        at: notBefore,
        version: null,
        reason: 'incident',
        actor: 'admin',
      });
      expect(await typesOf()).toEqual(['created', 'cut_off']);
      // The next sign-in writes the end down.
      await trial.signIn({ facts });
      expect(await typesOf()).toEqual(['created', 'revoked']);
    });

    it('is nobody’s for an unknown id', async () => {
      const { id } = await trial.signIn();
      const unknown = `${id.slice(0, -4)}0000`;
      expect(await trial.store.history(everywhere, unknown, whole)).toBe(undefined);
    });
  });
};
