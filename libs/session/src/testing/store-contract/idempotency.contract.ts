import type { SessionScope } from '../../store/session-store.js';
import { activationOf } from '../activation-of.js';
import { type ContractPart, everywhere, note } from './store-trial.js';

const whole = { limit: 100, after: null };

/** What is asked for again with the same key is done once. */
export const idempotencyContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('an idempotency key', () => {
    const keyed = { ...note, idempotencyKey: 'step 1' };
    const typesOf = async (id: string) =>
      ((await trial.store.history(everywhere, id, whole)) ?? []).map(({ type }) => type);

    it('has one of many that come at once change anything, and answers all', async () => {
      const { id } = await trial.signIn();
      const rename = () => trial.store.rename(everywhere, id, 'x', keyed);
      const answers = await Promise.all(Array.from({ length: 8 }, rename));
      expect(answers.map((session) => session?.version)).toEqual(Array.from({ length: 8 }, () => 2));
      expect(await typesOf(id)).toEqual(['created', 'renamed']);
    });

    it('has what was done stay done, whatever came after it', async () => {
      const { id } = await trial.signIn();
      const suspend = () => trial.store.changeStatus(everywhere, id, 'suspended', keyed, true);
      await suspend();
      const resume = async () =>
        trial.store.activate(activationOf(await trial.read(id), { question: null, completes: null }), keyed);
      expect((await resume()).kind).toBe('activated');
      expect((await resume()).kind).toBe('activated');
      expect((await suspend())?.status).toBe('active');
      const end = () => trial.store.endMany({ scope: everywhere, ids: [id] }, 'revoked', keyed, 1);
      for (let time = 0; time < 2; time += 1) expect((await end()).map(({ status }) => status)).toEqual(['revoked']);
      expect((await trial.store.end(everywhere, id, 'revoked', keyed))?.status).toBe('revoked');
      expect(await typesOf(id)).toEqual(['created', 'suspended', 'activated', 'revoked']);
    });

    it('has one completion alone answered, whose token was taken', async () => {
      const { id } = await trial.signIn({ pending: { requirements: [], roles: [], timeLimitMs: 60_000, most: 5 } });
      const pending = await trial.read(id);
      const outcomes = await Promise.all(
        [1, 2].map(() => trial.store.activate(activationOf(pending, { question: null }), keyed)),
      );
      expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['activated', 'unchanged']);
    });

    it('is of one session, one kind of change and one actor, and in scope', async () => {
      const [one, other] = [await trial.signIn(), await trial.signIn()];
      await trial.store.rename(everywhere, one.id, 'x', keyed);
      expect((await trial.store.rename(everywhere, other.id, 'x', keyed))?.version).toBe(2);
      expect((await trial.store.rename(everywhere, one.id, 'y', { ...keyed, by: 'another' }))?.version).toBe(3);
      expect((await trial.store.rename(everywhere, one.id, 'z', { ...keyed, idempotencyKey: 'n' }))?.version).toBe(4);
      const change = { id: one.id, fromVersion: 0, data: { a: 1 }, keys: ['a'] };
      for (let time = 0; time < 2; time += 1) {
        expect((await trial.store.replaceData(change, keyed))?.version).toBe(5);
      }
      const elsewhere: SessionScope = { kind: 'tenant', tenantId: 'elsewhere' };
      expect(await trial.store.rename(elsewhere, one.id, 'x', keyed)).toBe(undefined);
      await trial.store.endMany({ scope: everywhere, ids: [one.id] }, 'revoked', keyed, 1);
      const ofOther = { scope: everywhere, ids: [one.id], userId: other.userId };
      expect(await trial.store.endMany(ofOther, 'revoked', keyed, 1)).toEqual([]);
    });
  });
};
