import type { SessionFacts, SessionRecord } from '../../core/session.js';
import type { AccessPage, CreationPage, SessionFilter } from '../../store/session-store.js';
import { admissionOf } from '../session-builder.js';
import { type ContractPart, everywhere, idsOf, note, someone, sortedIdsOf } from './store-trial.js';

const wholePage: CreationPage = { limit: 1_000, descending: false, after: null };

/** Searching, counting and paging. */
export const listingContract: ContractPart = (trial, { describe, it, expect }) => {
  /** Sessions of one tenant that differ in everything that a filter can ask for. */
  async function mixed(): Promise<{ tenantId: string; sessions: Record<string, SessionRecord> }> {
    const { tenantId } = someone();
    const signIn = (facts: Partial<SessionFacts>) => trial.signIn({ facts: { tenantId, userId: 'alice', ...facts } });
    const sessions = {
      web: await signIn({}),
      phone: await signIn({ deviceType: 'mobile', clientId: 'shop' }),
      bob: await signIn({ userId: 'bob', clientId: 'shop' }),
      suspended: await signIn({}),
      revoked: await signIn({ deviceType: 'mobile' }),
      // The last of its user, since the next sign-in would end it.
      runOut: await trial.signInAndRunOut('idle', { facts: { tenantId, userId: 'alice' } }),
    };
    await trial.store.changeStatus(everywhere, sessions.suspended.id, 'suspended', note);
    await trial.store.end(everywhere, sessions.revoked.id, 'revoked', note);
    return { tenantId, sessions };
  }

  describe('a filter', () => {
    const cases: readonly [string, Omit<SessionFilter, 'scope' | 'tenantId'>, readonly string[]][] = [
      ['without a condition', {}, ['runOut', 'web', 'phone', 'bob', 'suspended', 'revoked']],
      ['by user', { userId: 'bob' }, ['bob']],
      ['by client', { clientId: 'shop' }, ['phone', 'bob']],
      ['by having no client', { clientId: null }, ['runOut', 'web', 'suspended', 'revoked']],
      ['by device type', { deviceType: 'mobile' }, ['phone', 'revoked']],
      ['by what can still be ended', { status: 'unended' }, ['runOut', 'web', 'phone', 'bob', 'suspended']],
      ['by live, less those whose time is over', { status: 'live' }, ['web', 'phone', 'bob', 'suspended']],
      ['by active', { status: 'active' }, ['web', 'phone', 'bob']],
      ['by suspended', { status: 'suspended' }, ['suspended']],
      ['by an ended state', { status: 'revoked' }, ['revoked']],
      ['by a state that none has', { status: 'rejected' }, []],
      ['by several conditions at once', { clientId: 'shop', deviceType: 'mobile', status: 'live' }, ['phone']],
      ['by conditions that exclude each other', { userId: 'bob', deviceType: 'mobile' }, []],
      ['by no id at all', { ids: [] }, []],
      ['by text that is no pattern', { userId: '%' }, []],
    ];
    for (const [name, filter, expected] of cases) {
      it(`${name} lists and counts the same sessions`, async () => {
        const { tenantId, sessions } = await mixed();
        const whole: SessionFilter = { scope: everywhere, tenantId, ...filter };
        const ids = expected.map((key) => sessions[key]?.id ?? '');
        expect(sortedIdsOf(await trial.store.list(whole, wholePage))).toEqual(ids.sort());
        expect(await trial.store.listIds(whole, 1_000)).toEqual(ids);
        expect(await trial.store.count(whole)).toBe(expected.length);
      });
    }

    it('by ids and exceptions lists and counts the same sessions', async () => {
      const { tenantId, sessions } = await mixed();
      const [web, bob, revoked] = [sessions['web'], sessions['bob'], sessions['revoked']].map((one) => one?.id ?? '');
      const filter: SessionFilter = {
        scope: everywhere,
        tenantId,
        ids: [web ?? '', bob ?? '', revoked ?? '', admissionOf().id],
        exceptIds: [bob ?? ''],
      };
      expect(sortedIdsOf(await trial.store.list(filter, wholePage))).toEqual([web, revoked].sort());
      expect(await trial.store.count(filter)).toBe(2);
    });

    it('gives the first ids in id order, and goes on after one', async () => {
      const { tenantId, userId } = someone();
      const ids = sortedIdsOf(await trial.signInTimes(5, { facts: { tenantId, userId } }));
      const filter: SessionFilter = { scope: everywhere, tenantId };
      expect(await trial.store.listIds(filter, 2)).toEqual(ids.slice(0, 2));
      expect(await trial.store.listIds({ ...filter, afterId: ids[1] ?? '' }, 1_000)).toEqual(ids.slice(2));
    });

    it('by having no tenant leaves those with one out', async () => {
      const { tenantId, userId } = someone();
      await trial.signIn({ facts: { tenantId, userId } });
      const homeless = await trial.signIn({ facts: { tenantId: null, userId } });
      const filter: SessionFilter = { scope: everywhere, tenantId: null, userId };
      expect(idsOf(await trial.store.list(filter, wholePage))).toEqual([homeless.id]);
    });

    it('gives whole records', async () => {
      const { tenantId, userId } = someone();
      const session = await trial.signIn({ facts: { tenantId, userId }, data: { a: 1 } });
      expect(await trial.store.list({ scope: everywhere, tenantId }, wholePage)).toEqual([session]);
    });
  });

  describe('paging', () => {
    /** Signed in at the same time, so that many have the same moment of creation. */
    async function crowd(): Promise<{ filter: SessionFilter; inOrder: string[] }> {
      const { tenantId } = someone();
      const sessions = await Promise.all(Array.from({ length: 25 }, () => trial.signIn({ facts: { tenantId } })));
      const inOrder = sessions.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
      return { filter: { scope: everywhere, tenantId }, inOrder: idsOf(inOrder) };
    }

    for (const descending of [false, true]) {
      it(`meets every session of a user once by last access, ${descending ? 'last' : 'first'} first`, async () => {
        const facts = someone();
        const sessions = await Promise.all(Array.from({ length: 9 }, () => trial.signIn({ facts })));
        await trial.pass(2);
        const at = Math.floor(await trial.store.now());
        // Some at the same moment, and in an order that is not that of their creation.
        await trial.store.touchMany(sessions.slice(0, 4).map(({ id }) => ({ id, at, ip: null })));
        const now = await Promise.all(sessions.map(({ id }) => trial.read(id)));
        const byAccess = now.sort((a, b) => a.lastAccessedAt - b.lastAccessedAt || (a.id < b.id ? -1 : 1));
        const inOrder = descending ? idsOf(byAccess).reverse() : idsOf(byAccess);
        const filter: SessionFilter = { scope: everywhere, ...facts, status: 'active' };
        const seen: string[] = [];
        let after: AccessPage['after'] = null;
        for (let pages = 0; pages < 6; pages += 1) {
          const sort = 'lastAccessedAt' as const;
          const page: readonly SessionRecord[] = await trial.store.list(filter, { limit: 2, descending, sort, after });
          seen.push(...idsOf(page));
          after = page.at(-1) ?? after;
        }
        expect(seen).toEqual(inOrder);
      });

      it(`meets what a cut-off has ended among the revoked once, ${descending ? 'newest' : 'oldest'} first`, async () => {
        const facts = someone();
        const sessions = await trial.signInTimes(6, { facts });
        for (const { id } of [sessions[1], sessions[4]] as SessionRecord[]) {
          await trial.store.end(everywhere, id, 'revoked', note);
        }
        await trial.store.cutOff(facts, note);
        const filter: SessionFilter = { scope: everywhere, tenantId: facts.tenantId, status: 'revoked' };
        const seen: string[] = [];
        let after: CreationPage['after'] = null;
        for (let pages = 0; pages < 4; pages += 1) {
          const page: readonly SessionRecord[] = await trial.store.list(filter, { limit: 2, descending, after });
          seen.push(...idsOf(page));
          after = page.at(-1) ?? after;
        }
        const inOrder = sessions.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
        expect(seen).toEqual(descending ? idsOf(inOrder).reverse() : idsOf(inOrder));
        expect(await trial.store.count(filter)).toBe(6);
      });

      it(`meets every session once, ${descending ? 'newest' : 'oldest'} first, whatever the size of a page`, async () => {
        const { filter, inOrder } = await crowd();
        for (const limit of [1, 4, 25, 100]) {
          const seen: string[] = [];
          let after: CreationPage['after'] = null;
          let page: readonly SessionRecord[];
          do {
            page = await trial.store.list(filter, { limit, descending, after });
            expect(page.length).toBeLessThanOrEqual(limit);
            seen.push(...idsOf(page));
            after = page.at(-1) ?? after;
          } while (page.length > 0 && seen.length <= inOrder.length);
          expect(seen).toEqual(descending ? [...inOrder].reverse() : inOrder);
        }
      });
    }

    it('goes on after a session that no longer matches', async () => {
      const { filter, inOrder } = await crowd();
      const first = await trial.store.list({ ...filter, status: 'live' }, { ...wholePage, limit: 10 });
      for (const { id } of first) await trial.store.end(everywhere, id, 'revoked', note);
      const after = first.at(-1) ?? null;
      const rest = await trial.store.list({ ...filter, status: 'live' }, { ...wholePage, after });
      expect(idsOf(rest)).toEqual(inOrder.slice(10));
    });
  });
};
