import { randomUUID } from 'node:crypto';
import { keepsStatistics, type StatisticsStore } from '../../store/session-statistics.js';
import { type ContractPart, everywhere, note, someone } from './store-trial.js';

const AN_HOUR_MS = 3_600_000;

/** The overview, for stores that have one. */
export const statisticsContract: ContractPart = (trial, { describe, it, expect }) => {
  const counting = (test: (store: StatisticsStore) => Promise<void>) => async (): Promise<void> => {
    const { store } = trial;
    if (keepsStatistics(store)) await test(store);
  };

  describe('the statistics', () => {
    it(
      'count what lives, by device and by client, and what came and went, within the scope [row 44]',
      counting(async (store) => {
        const facts = someone();
        const scope = { kind: 'tenant', tenantId: facts.tenantId } as const;
        await trial.signIn({ facts: { ...facts, clientId: 'app', deviceType: 'mobile' } });
        const [gone, suspended] = await trial.signInTimes(2, { facts });
        await trial.signInAndRunOut('idle', { facts: { ...facts, userId: 'late' } });
        await trial.store.changeStatus(everywhere, suspended?.id ?? '', 'suspended', note);
        await trial.store.end(everywhere, gone?.id ?? '', 'revoked', { reason: '__proto__', by: null });
        const counts = await store.countSessions(scope);
        expect(JSON.parse(JSON.stringify(counts))).toEqual({
          live: 2,
          byDeviceType: { mobile: 1, web: 1 },
          byClient: { app: 1, '': 1 },
          signedInLast24h: 4,
          endedLast24h: JSON.parse('{"__proto__":1}') as object,
        });
        const own = await store.countSessions({ kind: 'user', tenantId: facts.tenantId, userId: 'late' });
        expect([own.live, own.signedInLast24h]).toEqual([0, 1]);
        const nobody = await store.countSessions({ kind: 'tenant', tenantId: randomUUID() });
        expect({ ...nobody }).toEqual({
          live: 0,
          byDeviceType: {},
          byClient: {},
          signedInLast24h: 0,
          endedLast24h: {},
        });
      }),
    );

    it(
      'leave out what a cut-off has ended, before and after that is written down',
      counting(async (store) => {
        const facts = someone();
        const scope = { kind: 'tenant', tenantId: facts.tenantId } as const;
        await trial.signInTimes(2, { facts });
        await trial.store.cutOff({ tenantId: facts.tenantId }, note);
        expect((await store.countSessions(scope)).live).toBe(0);
        await trial.signIn({ facts });
        expect((await store.countSessions(scope)).live).toBe(1);
      }),
    );

    it(
      'tell which nodes have been heard of, and no longer of those that have stopped or fallen silent',
      counting(async (store) => {
        const [id, name] = [randomUUID(), randomUUID()];
        const beat = { id, name, uptimeMs: 5_000, tailLagMs: 12, connections: 0, created: 1, ended: 0, inMemory: 1 };
        const own = async (within: number) => (await store.listNodes(within)).filter((node) => node.name === name);
        await store.noteNode(beat, AN_HOUR_MS);
        const [first] = await own(AN_HOUR_MS);
        await trial.pass(3);
        const now = { tailLagMs: null, connections: 3, created: 5_000_000_000, ended: 3, inMemory: 2 };
        await store.noteNode({ ...beat, uptimeMs: 9_000, ...now }, AN_HOUR_MS);
        const [second, ...more] = await own(AN_HOUR_MS);
        expect(more).toEqual([]);
        expect({ ...second }).toEqual({ ...first, name, ...now });
        expect(first?.tailLagMs).toBe(12);
        expect((await trial.store.now()) - (first?.startedAt ?? 0)).toBeGreaterThanOrEqual(5_000);
        await trial.pass(3);
        expect(await own(2)).toEqual([]);
        await store.forgetNode(id);
        expect(await own(AN_HOUR_MS)).toEqual([]);
        await store.noteNode(beat, AN_HOUR_MS);
        await trial.pass(3);
        await store.noteNode({ ...beat, id: randomUUID(), name: 'another' }, 2);
        expect(await own(AN_HOUR_MS)).toEqual([]);
      }),
    );
  });
};
