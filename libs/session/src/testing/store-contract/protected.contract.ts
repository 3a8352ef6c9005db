import type { SessionFilter } from '../../store/session-store.js';
import { keepsStatistics } from '../../store/session-statistics.js';
import { admissionOf } from '../session-builder.js';
import { atMost, type ContractPart, everywhere, idsOf, note, someone, sortedIdsOf } from './store-trial.js';

const wholePage = { limit: 1_000, descending: false, after: null } as const;
const why = { reason: 'stolen_laptop', by: 'admin' };
const AN_HOUR_MS = 3_600_000;

/** Sessions that take a right of their own to end. */
export const protectedContract: ContractPart = (trial, { describe, it, expect }) => {
  const two = async (facts = someone()) => {
    const ordinary = await trial.signIn({ facts });
    const guarded = await trial.signIn({ facts, isProtected: true });
    return { facts, ordinary, guarded, both: [ordinary, guarded] as const };
  };

  describe('a protected session', () => {
    it('says so from its sign-in on, whatever happens to it', async () => {
      const { ordinary, guarded } = await two();
      expect([ordinary.isProtected, guarded.isProtected]).toEqual([false, true]);
      await trial.store.rename(everywhere, guarded.id, 'safe', note);
      await trial.store.end(everywhere, guarded.id, 'signed_out', note);
      expect((await trial.read(guarded.id)).isProtected).toBe(true);
    });

    it('is among what matches as the filter says: always, never, or within a scope', async () => {
      const { facts, ordinary, both } = await two();
      const scope = { kind: 'user', ...facts } as const;
      const found = async (more: Partial<SessionFilter>) => {
        const filter: SessionFilter = { scope, ...more };
        const listed = sortedIdsOf(await trial.store.list(filter, wholePage));
        expect(await trial.store.count(filter)).toBe(listed.length);
        expect(await trial.store.listIds(filter, 10)).toEqual(listed);
        return listed;
      };
      expect(await found({})).toEqual(sortedIdsOf(both));
      expect(await found({ protectedWithin: null })).toEqual([ordinary.id]);
      expect(await found({ protectedWithin: { kind: 'tenant', tenantId: facts.tenantId } })).toEqual(sortedIdsOf(both));
      expect(await found({ protectedWithin: { kind: 'tenant', tenantId: 'another' } })).toEqual([ordinary.id]);
    });

    it('is spared by a bulk end and by a suspension that do not mean it', async () => {
      const { facts, ordinary, guarded, both } = await two();
      const spared = [null, { kind: 'tenant', tenantId: 'another' }] as const;
      for (const protectedWithin of spared) {
        const change = trial.store.changeStatus(everywhere, guarded.id, 'suspended', note, false, protectedWithin);
        expect(await change).toBe(undefined);
      }
      const filter: SessionFilter = { scope: { kind: 'user', ...facts } };
      const ended = await trial.store.endMany({ ...filter, protectedWithin: null }, 'revoked', note, 10);
      expect(idsOf(ended)).toEqual([ordinary.id]);
      const byId = { ...filter, ids: idsOf(both), protectedWithin: spared[1] };
      expect(await trial.store.endMany(byId, 'revoked', note, 10)).toEqual([]);
      expect(await trial.statusOf(...both)).toEqual(['revoked', 'active']);
      const within = { kind: 'user', ...facts } as const;
      const change = await trial.store.changeStatus(everywhere, guarded.id, 'suspended', note, false, within);
      expect(change?.status).toBe('suspended');
      expect((await trial.store.endMany(filter, 'revoked', note, 10)).length).toBe(1);
    });

    it('is not evicted, and counts', async () => {
      const { facts, guarded } = await two();
      const policy = atMost(2, 'evict-all');
      const { session, evicted } = await trial.admit({ facts, policy });
      expect(evicted.length).toBe(1);
      expect(await trial.statusOf(guarded, session)).toEqual(['active', 'active']);
      const again = await trial.store.admit(admissionOf({ facts, policy: atMost(1, 'evict-oldest') }));
      expect(again.kind).toBe('rejected');
      expect(await trial.statusOf(guarded, session)).toEqual(['active', 'active']);
    });

    it('ends in the place of what it is replaced by, as one that is left by its own token', async () => {
      const { facts, guarded } = await two();
      await trial.signIn({ facts, replaces: guarded.id });
      expect(await trial.statusOf(guarded)).toEqual(['signed_out']);
    });

    it('that is pending makes room for protected ones alone', async () => {
      const facts = someone();
      const waiting = { most: 1, timeLimitMs: AN_HOUR_MS, requirements: [{ name: 'otp', approvers: null }], roles: [] };
      const guarded = await trial.signIn({ facts, isProtected: true, pending: waiting });
      const first = await trial.signIn({ facts, pending: waiting });
      const second = await trial.signIn({ facts, pending: waiting });
      expect(await trial.statusOf(guarded, first, second)).toEqual(['pending', 'rejected', 'pending']);
      const next = await trial.signIn({ facts, isProtected: true, pending: waiting });
      expect(await trial.statusOf(guarded, second, next)).toEqual(['rejected', 'rejected', 'pending']);
    });

    it('runs out as any other', async () => {
      const facts = someone();
      const { id } = await trial.signInAndRunOut('idle', { facts, isProtected: true });
      await trial.signIn({ facts });
      expect((await trial.read(id)).status).toBe('expired');
    });
  });

  describe('a cut-off', () => {
    it('spares protected sessions, and a later one that includes them does not', async () => {
      const { facts, guarded, both } = await two();
      const scopes = [facts, { userId: facts.userId }, { tenantId: facts.tenantId }];
      for (const scope of scopes) await trial.store.cutOff(scope, why);
      expect(await trial.statusOf(...both)).toEqual(['revoked', 'active']);
      expect(await trial.liveOf(facts)).toBe(1);
      expect(await trial.store.exists(guarded.id)).toBe(true);
      const revoked = { scope: { kind: 'tenant', tenantId: facts.tenantId }, status: 'revoked' } as const;
      expect(await trial.store.count(revoked)).toBe(1);
      const { notBefore, protectedNotBefore } = await trial.store.cutOff(facts, why, true);
      expect(protectedNotBefore).toBe(notBefore);
      expect(await trial.store.count(revoked)).toBe(2);
      expect(await trial.read(guarded.id)).toEqual({
        ...guarded,
        ...{ status: 'revoked', endedAt: notBefore, endReason: why.reason, endedBy: why.by },
      });
    });

    it('that includes them stays, at its moment and for its reason, when one follows that does not', async () => {
      const { facts, guarded } = await two();
      const scope = { tenantId: facts.tenantId };
      const first = await trial.store.cutOff(scope, why, true);
      const later = await trial.signIn({ facts: { ...scope, userId: 'later' }, isProtected: true });
      const second = await trial.store.cutOff(scope, note);
      expect([second.version, second.protectedNotBefore]).toEqual([2, first.notBefore]);
      const over = { status: 'revoked', endedAt: first.notBefore, endReason: why.reason, endedBy: why.by };
      expect(await trial.read(guarded.id)).toEqual({ ...guarded, ...over });
      expect(await trial.statusOf(later)).toEqual(['active']);
      const history = await trial.store.history(everywhere, guarded.id, { limit: 10, after: null });
      expect(history?.at(-1)).toMatchObject({ id: null, at: first.notBefore, reason: why.reason, actor: why.by });
    });

    it('ends what any of several at once has ended, and no more', async () => {
      const { facts, both } = await two();
      const made = await Promise.all(
        Array.from({ length: 8 }, (_, n) => trial.store.cutOff(facts, { reason: `${n}`, by: null }, n === 3)),
      );
      const last = await trial.store.cutOff(facts, why);
      expect(last.protectedNotBefore).toBe(made[3]?.protectedNotBefore);
      expect(last.notBefore).toBeGreaterThan(Math.max(...made.map(({ notBefore }) => notBefore)));
      expect(await trial.statusOf(...both)).toEqual(['revoked', 'revoked']);
      expect((await trial.read(both[1].id)).endReason).toBe('3');
    });

    it('admits whoever signs in protected after it', async () => {
      const facts = someone();
      for (const includesProtected of [true, false]) {
        const { notBefore } = await trial.store.cutOff(facts, why, includesProtected);
        const session = await trial.signIn({ facts, isProtected: true });
        expect(session.createdAt).toBeGreaterThan(notBefore);
        expect(await trial.read(session.id)).toEqual(session);
      }
    });

    it('is written down for those alone that it has ended, by the next admission', async () => {
      const { facts, both } = await two();
      await trial.store.cutOff(facts, why);
      const { ended } = await trial.admit({ facts });
      expect(idsOf(ended)).toEqual([both[0].id]);
      await trial.store.cutOff(facts, why, true);
      expect(idsOf((await trial.admit({ facts })).ended).includes(both[1].id)).toBe(true);
      expect(await trial.statusOf(...both)).toEqual(['revoked', 'revoked']);
    });

    it('is counted so', async () => {
      const { facts } = await two();
      const { store } = trial;
      if (!keepsStatistics(store)) return;
      const scope = { kind: 'tenant', tenantId: facts.tenantId } as const;
      await store.cutOff(facts, why);
      expect((await store.countSessions(scope)).live).toBe(1);
      await store.cutOff(facts, why, true);
      expect((await store.countSessions(scope)).live).toBe(0);
    });
  });
};
