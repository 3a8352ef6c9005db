import type { SessionRecord } from '../../core/session.js';
import { admissionOf } from '../session-builder.js';
import { atMost, type ContractPart, everywhere, idsOf, note, someone } from './store-trial.js';

/** A sign-in over an existing session. */
export const replacementContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('a replaced session', () => {
    it('ends as signed out and gives its slot to the newcomer [row 6] [row 38]', async () => {
      const facts = someone();
      const policy = atMost(1, 'reject');
      const old = await trial.signIn({ facts, policy });
      const { session, ended, evicted } = await trial.admit({ facts, policy, replaces: old.id });
      const how = { id: old.id, status: 'signed_out', endReason: 'replaced', endedBy: facts.userId, version: 2 };
      expect(evicted).toEqual([]);
      expect(ended.length).toBe(1);
      expect(ended[0]).toMatchObject(how);
      expect(await trial.read(old.id)).toMatchObject(how);
      expect(await trial.statusOf(session)).toEqual(['active']);
    });

    it('ends also where it was somebody else, and its user keeps the others [row 6]', async () => {
      const [before, after] = [someone(), someone()];
      const [old, other] = await trial.signInTimes(2, { facts: before });
      const { ended } = await trial.admit({ facts: after, replaces: old?.id ?? null });
      expect(idsOf(ended)).toEqual([old?.id]);
      expect(ended[0]).toMatchObject({ userId: before.userId, status: 'signed_out', endReason: 'replaced' });
      expect(await trial.statusOf({ id: other?.id ?? '' })).toEqual(['active']);
    });

    it('is not one of those that the policy picks from', async () => {
      const facts = someone();
      const policy = atMost(2, 'evict-oldest');
      const [first, second] = await trial.signInTimes(2, { facts, policy });
      const { evicted, ended } = await trial.admit({ facts, policy, replaces: second?.id ?? null });
      expect([evicted, idsOf(ended)]).toEqual([[], [second?.id]]);
      expect(await trial.statusOf({ id: first?.id ?? '' })).toEqual(['active']);
    });

    for (const whenFull of ['reject', 'ask'] as const) {
      it(`holds no slot, but stays as it is where the newcomer does not come in (${whenFull})`, async () => {
        const facts = someone();
        const [holder, own] = (await trial.signInTimes(2, { facts })) as [SessionRecord, SessionRecord];
        const foreign = await trial.signIn();
        for (const [replaces, full] of [
          [own, [holder]],
          [foreign, [holder, own]],
        ] as const) {
          const admission = admissionOf({ facts, policy: atMost(1, whenFull), replaces: replaces.id });
          const outcome = await trial.store.admit(admission);
          expect('full' in outcome && idsOf(outcome.full)).toEqual(idsOf(full));
          expect(outcome.ended).toEqual([]);
          for (const session of [holder, own, foreign]) expect(await trial.read(session.id)).toEqual(session);
        }
      });
    }

    it('counts as replaced, not as expired, where its time was over and the newcomer does not come in', async () => {
      const facts = someone();
      await trial.signIn({ facts });
      const old = await trial.signInAndRunOut('idle', { facts });
      const admission = admissionOf({ facts, policy: atMost(1, 'reject'), replaces: old.id });
      expect(await trial.store.admit(admission)).toMatchObject({ kind: 'rejected', ended: [] });
      expect(await trial.read(old.id)).toMatchObject({ status: 'active', version: 1 });
    });

    it('stays as it is where it had ended already [row 23]', async () => {
      const facts = someone();
      const old = await trial.signIn({ facts });
      const revoked = await trial.store.end(everywhere, old.id, 'revoked', note);
      const { ended } = await trial.admit({ facts, replaces: old.id });
      expect(ended).toEqual([]);
      expect(await trial.read(old.id)).toMatchObject({
        status: 'revoked',
        version: 2,
        endReason: note.reason,
        endedAt: revoked?.endedAt,
      });
    });

    it('is told once, as replaced, where its time was over too', async () => {
      const facts = someone();
      const old = await trial.signInAndRunOut('absolute', { facts });
      const { ended } = await trial.admit({ facts, replaces: old.id });
      expect(idsOf(ended)).toEqual([old.id]);
      expect(ended[0]).toMatchObject({ status: 'signed_out', endReason: 'replaced' });
    });

    it('need not exist', async () => {
      const { ended } = await trial.admit({ replaces: admissionOf().id });
      expect(ended).toEqual([]);
    });
  });
};
