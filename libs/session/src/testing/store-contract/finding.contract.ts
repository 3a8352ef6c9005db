import { admissionOf } from '../session-builder.js';
import { type ContractPart, everywhere, note, someone, sortedIdsOf } from './store-trial.js';

/** Reading by id and by device, and the store's own time. */
export const findingContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('finding by id', () => {
    it('gives live and ended sessions, once each, and leaves unknown ids out', async () => {
      const [live, gone] = await trial.signInTimes(2);
      const ids = [live?.id ?? '', gone?.id ?? ''];
      await trial.store.end(everywhere, ids[1] ?? '', 'revoked', note);
      const { records } = await trial.store.findMany([...ids, admissionOf().id, ...ids]);
      expect(sortedIdsOf(records)).toEqual([...ids].sort());
      expect(records.map(({ status }) => status).sort()).toEqual(['active', 'revoked']);
    });

    it('tells as of when, also where it finds nothing', async () => {
      for (const ids of [[], [admissionOf().id], [(await trial.signIn()).id]]) {
        const before = await trial.store.now();
        const { asOf, records } = await trial.store.findMany(ids);
        expect(asOf).toBeGreaterThanOrEqual(before);
        expect(asOf).toBeLessThanOrEqual(await trial.store.now());
        expect(records.length).toBeLessThanOrEqual(1);
      }
    });
  });

  describe('existence', () => {
    it('is that of a live session', async () => {
      const { id } = await trial.signIn();
      expect(await trial.store.exists(id)).toBe(true);
      await trial.store.changeStatus(everywhere, id, 'suspended', note);
      expect(await trial.store.exists(id)).toBe(true);
      await trial.store.end(everywhere, id, 'signed_out', note);
      expect(await trial.store.exists(id)).toBe(false);
      expect(await trial.store.exists(admissionOf().id)).toBe(false);
    });
  });

  describe('the last session on a device', () => {
    it('is the newest one, live or ended', async () => {
      const facts = { ...someone(), deviceId: 'device' };
      const [, newest] = await trial.signInTimes(2, { facts });
      expect((await trial.store.findLast(facts.tenantId, facts.userId, 'device'))?.id).toBe(newest?.id);
      const ended = await trial.store.end(everywhere, newest?.id ?? '', 'signed_out', note);
      expect(await trial.store.findLast(facts.tenantId, facts.userId, 'device')).toEqual(ended);
    });

    it('is of that tenant, user and device alone', async () => {
      const { tenantId, userId } = someone();
      const own = await trial.signIn({ facts: { tenantId, userId, deviceId: 'device' } });
      await trial.signIn({ facts: { tenantId, userId, deviceId: 'other' } });
      await trial.signIn({ facts: { tenantId, userId } });
      await trial.signIn({ facts: { tenantId, userId: 'another', deviceId: 'device' } });
      const homeless = await trial.signIn({ facts: { tenantId: null, userId, deviceId: 'device' } });
      expect((await trial.store.findLast(tenantId, userId, 'device'))?.id).toBe(own.id);
      expect((await trial.store.findLast(null, userId, 'device'))?.id).toBe(homeless.id);
      for (const device of ['Device', 'device ', '', '%']) {
        expect(await trial.store.findLast(tenantId, userId, device)).toBe(undefined);
      }
    });
  });

  describe('the time of the store', () => {
    it('goes on and is that of its records', async () => {
      const before = await trial.store.now();
      const { createdAt } = await trial.signIn();
      await trial.pass(2);
      const after = await trial.store.now();
      expect(createdAt).toBeGreaterThanOrEqual(Math.floor(before));
      expect(after).toBeGreaterThanOrEqual(createdAt + 2);
    });
  });
};
