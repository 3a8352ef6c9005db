import type { SessionFilter } from '../../store/session-store.js';
import { admissionOf } from '../session-builder.js';
import { type ContractPart, everywhere, idsOf, note, someone, sortedIdsOf } from './store-trial.js';

/** Ending one session and many. */
export const endingContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('ending one', () => {
    for (const status of ['signed_out', 'expired', 'evicted', 'revoked'] as const) {
      it(`makes it ${status}, with the reason, the actor and the moment`, async () => {
        const session = await trial.signIn();
        const ended = await trial.store.end(everywhere, session.id, status, { reason: 'why', by: 'who' });
        expect(ended).toEqual({ ...(await trial.read(session.id)) });
        expect({ ...ended }).toMatchObject({ id: session.id, status, version: 2, endReason: 'why', endedBy: 'who' });
        expect(ended?.endedAt ?? 0).toBeGreaterThanOrEqual(session.createdAt);
        expect(ended?.endedAt ?? Infinity).toBeLessThanOrEqual(await trial.store.now());
        expect(await trial.store.exists(session.id)).toBe(false);
      });
    }

    it('happens once: the first end stays, and the second one is told that there was nothing [row 31]', async () => {
      const { id } = await trial.signIn();
      const first = await trial.store.end(everywhere, id, 'signed_out', { reason: 'first', by: null });
      expect(await trial.store.end(everywhere, id, 'revoked', { reason: 'second', by: 'x' })).toBe(undefined);
      expect(await trial.read(id)).toEqual(first);
      expect({ ...first }).toMatchObject({ endReason: 'first', endedBy: null });
    });

    it('happens once however many try at the same time', async () => {
      const { id } = await trial.signIn();
      const attempts = Array.from({ length: 8 }, (_, index) =>
        trial.store.end(everywhere, id, 'revoked', { reason: `attempt ${index}`, by: null }),
      );
      const done = (await Promise.all(attempts)).filter((ended) => ended !== undefined);
      expect(done.length).toBe(1);
      expect(await trial.read(id)).toMatchObject({ version: 2, endReason: done[0]?.endReason });
    });

    it('applies to one that is suspended, and to one that has run out unnoticed', async () => {
      const suspended = await trial.signIn();
      await trial.store.changeStatus(everywhere, suspended.id, 'suspended', note);
      const runOut = await trial.signInAndRunOut('idle');
      for (const { id } of [suspended, runOut]) {
        expect((await trial.store.end(everywhere, id, 'revoked', note))?.status).toBe('revoked');
      }
    });

    it('applies to none that does not exist, and takes no step that the lifecycle lacks', async () => {
      const { id } = await trial.signIn();
      expect(await trial.store.end(everywhere, admissionOf().id, 'revoked', note)).toBe(undefined);
      expect(await trial.store.end(everywhere, id, 'rejected', note)).toBe(undefined);
      expect(await trial.read(id)).toMatchObject({ status: 'active', version: 1, endReason: null });
    });

    it('keeps 200 characters of the reason, and the actor whole', async () => {
      const { id } = await trial.signIn();
      const by = 'u'.repeat(255);
      await trial.store.end(everywhere, id, 'revoked', { reason: `${'r'.repeat(199)}😀tail`, by });
      const { endReason, endedBy } = await trial.read(id);
      expect(endReason).toBe('r'.repeat(199));
      expect(endedBy).toBe(by);
    });
  });

  describe('ending many', () => {
    const end = (filter: SessionFilter, limit = 100) => trial.store.endMany(filter, 'revoked', note, limit);

    it('ends all that match, with the reason and the actor, and gives them', async () => {
      const { tenantId, userId } = someone();
      const sessions = await trial.signInTimes(3, { facts: { tenantId, userId } });
      const ended = await end({ scope: everywhere, tenantId });
      expect(sortedIdsOf(ended)).toEqual(sortedIdsOf(sessions));
      for (const session of ended) {
        expect(session).toMatchObject({ status: 'revoked', version: 2, endReason: note.reason, endedBy: note.by });
        expect(await trial.read(session.id)).toEqual(session);
      }
    });

    it('goes in id order, page by page, until one is not full', async () => {
      const { tenantId, userId } = someone();
      const sessions = await trial.signInTimes(7, { facts: { tenantId, userId } });
      const pages: string[][] = [];
      do pages.push(sortedIdsOf(await end({ scope: everywhere, tenantId }, 3)));
      while (pages.at(-1)?.length === 3 && pages.length < sessions.length);
      const ids = sortedIdsOf(sessions);
      expect(pages).toEqual([ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)]);
      expect(await end({ scope: everywhere, tenantId })).toEqual([]);
    });

    it('ends each session once where several do it at the same time', async () => {
      const { tenantId, userId } = someone();
      const sessions = await trial.signInTimes(12, { facts: { tenantId, userId } });
      const pages = await Promise.all([0, 1, 2, 3].map(() => end({ scope: everywhere, tenantId }, 12)));
      expect(sortedIdsOf(pages.flat())).toEqual(sortedIdsOf(sessions));
    });

    it('leaves ended ones as they are, whatever status is asked for', async () => {
      const { tenantId, userId } = someone();
      const [gone, there] = await trial.signInTimes(2, { facts: { tenantId, userId } });
      const before = await trial.store.end(everywhere, gone?.id ?? '', 'signed_out', { reason: 'left', by: null });
      expect(await end({ scope: everywhere, tenantId, status: 'signed_out' })).toEqual([]);
      expect(idsOf(await end({ scope: everywhere, tenantId }))).toEqual([there?.id]);
      expect(await trial.read(gone?.id ?? '')).toEqual(before);
    });

    it('ends those that have run out unnoticed too, unless only live ones are asked for', async () => {
      const { tenantId, userId } = someone();
      const runOut = await trial.signInAndRunOut('idle', { facts: { tenantId, userId } });
      expect(await end({ scope: everywhere, tenantId, status: 'live' })).toEqual([]);
      expect(idsOf(await end({ scope: everywhere, tenantId }))).toEqual([runOut.id]);
    });

    it('spares the exceptions', async () => {
      const facts = someone();
      const [first, second, third] = idsOf(await trial.signInTimes(3, { facts }));
      const scope = { kind: 'user', ...facts } as const;
      const ended = await end({ scope, exceptIds: [second ?? '', admissionOf().id] });
      expect(sortedIdsOf(ended)).toEqual([first, third].sort());
      expect(await trial.liveOf(facts)).toBe(1);
    });

    it('matches nothing by an empty list of ids, and everything by an empty list of exceptions', async () => {
      const { tenantId, userId } = someone();
      await trial.signInTimes(2, { facts: { tenantId, userId } });
      expect(await end({ scope: everywhere, tenantId, ids: [] })).toEqual([]);
      expect(await trial.liveOf({ tenantId, userId })).toBe(2);
      expect((await end({ scope: everywhere, tenantId, exceptIds: [] })).length).toBe(2);
    });

    it('ends only those of the given state, and takes no step that the lifecycle lacks', async () => {
      const { tenantId, userId } = someone();
      const [active, suspended] = idsOf(await trial.signInTimes(2, { facts: { tenantId, userId } }));
      await trial.store.changeStatus(everywhere, suspended ?? '', 'suspended', note);
      expect(await trial.store.endMany({ scope: everywhere, tenantId }, 'rejected', note, 10)).toEqual([]);
      expect(idsOf(await end({ scope: everywhere, tenantId, status: 'suspended' }))).toEqual([suspended]);
      expect(idsOf(await end({ scope: everywhere, tenantId, status: 'active' }))).toEqual([active]);
    });
  });
};
