import { recordsDrift } from '../../store/drift-log.js';
import { keepsAddresses } from '../../store/session-addresses.js';
import {
  type CleanupBatch,
  cleansUp,
  type CleanupRules,
  type SessionCleanupStore,
} from '../../store/session-cleanup.js';
import { type ContractPart, everywhere, note, someone } from './store-trial.js';

/** In tests nothing is on its way, and no store was restarted by accident. */
const RULES: CleanupRules = { graceMs: 0, sparesIdle: false, recoveryMs: 0 };
const AN_HOUR_MS = 3_600_000;
const LIMIT = 1_000;

/** What ends and forgets, for stores that can. Others' sessions may be cleaned up on the way. */
export const cleanupContract: ContractPart = (trial, { describe, it, expect }) => {
  /** Does nothing for a store that cannot be cleaned up. */
  const cleaning = (test: (store: SessionCleanupStore) => Promise<void>) => async (): Promise<void> => {
    const { store } = trial;
    if (cleansUp(store)) await test(store);
  };
  const isIn = (batch: CleanupBatch, id: string): boolean => batch.ended.some((one) => one.id === id);
  /** Batches until one is not full. */
  const all = async (batch: (limit: number) => Promise<number>): Promise<void> => {
    while ((await batch(LIMIT)) === LIMIT);
  };

  describe('the cleanup', () => {
    it(
      'ends what has run out, with the reason, the version and nobody as the actor [row 68]',
      cleaning(async (store) => {
        const idle = await trial.signInAndRunOut('idle');
        const absolute = await trial.signInAndRunOut('absolute');
        const live = await trial.signIn();
        const batch = await store.endDue(RULES, LIMIT);
        expect([idle, absolute, live].map(({ id }) => isIn(batch, id))).toEqual([true, true, false]);
        const over = { status: 'expired', version: 2, endedBy: null };
        expect(await trial.read(idle.id)).toMatchObject({ ...over, endReason: 'idle_timeout' });
        expect(await trial.read(absolute.id)).toMatchObject({ ...over, endReason: 'absolute_lifetime' });
        expect(await trial.read(live.id)).toEqual(live);
        expect(batch.ended.find(({ id }) => id === idle.id)?.version).toBe(2);
      }),
    );

    it(
      'ends sign-ins that have waited for too long',
      cleaning(async (store) => {
        const requirements = [{ name: 'second_factor', approvers: null }];
        const pending = { requirements, roles: [], timeLimitMs: 60_000, most: 5 };
        const late = await trial.signInAndRunOut('absolute', { pending });
        const waiting = await trial.signIn({ pending });
        const batch = await store.endDue(RULES, LIMIT);
        expect([late, waiting].map(({ id }) => isIn(batch, id))).toEqual([true, false]);
        expect(await trial.statusOf(late, waiting)).toEqual(['expired', 'pending']);
      }),
    );

    it(
      'ends each session once, also where a batch is small [row 68]',
      cleaning(async (store) => {
        const sessions = [];
        for (let n = 0; n < 3; n += 1) sessions.push(await trial.signInAndRunOut('idle'));
        const ended: string[] = [];
        for (;;) {
          const batch = await store.endDue(RULES, 2);
          ended.push(...batch.ended.map(({ id }) => id));
          if (batch.seen < 2) break;
        }
        for (const { id } of sessions) expect(ended.filter((one) => one === id).length).toBe(1);
        expect((await store.endDue(RULES, LIMIT)).ended).toEqual([]);
      }),
    );

    it(
      'leaves alone what was touched meanwhile, and finds it again when it has run out after all [row 68]',
      cleaning(async (store) => {
        const { id } = await trial.signInAndRunOut('idle');
        await trial.store.touchMany([{ id, at: await trial.store.now(), ip: null }]);
        expect(isIn(await store.endDue(RULES, LIMIT), id)).toBe(false);
        expect(await trial.read(id)).toMatchObject({ status: 'active', version: 1, endedAt: null, endReason: null });
      }),
    );

    it(
      'grants accesses that are on their way their time',
      cleaning(async (store) => {
        const { id } = await trial.signInAndRunOut('idle');
        expect(isIn(await store.endDue({ ...RULES, graceMs: AN_HOUR_MS }, LIMIT), id)).toBe(false);
        expect(isIn(await store.endDue(RULES, LIMIT), id)).toBe(true);
      }),
    );

    it(
      'spares what is idle for as long as it is told to, and ends what is past its absolute limit all the same',
      cleaning(async (store) => {
        const idle = await trial.signInAndRunOut('idle');
        const absolute = await trial.signInAndRunOut('absolute');
        const batch = await store.endDue({ ...RULES, sparesIdle: true }, LIMIT);
        expect([idle, absolute].map(({ id }) => isIn(batch, id))).toEqual([false, true]);
        expect((await trial.read(idle.id)).status).toBe('active');
        // What was spared does not stand in the way of the others, and its turn comes.
        await trial.pass(2);
        expect(isIn(await store.endDue(RULES, LIMIT), idle.id)).toBe(true);
      }),
    );

    it(
      'ends those that wait or are suspended, too',
      cleaning(async (store) => {
        const { id } = await trial.signInAndRunOut('idle');
        await trial.store.changeStatus(everywhere, id, 'suspended', note);
        expect(isIn(await store.endDue(RULES, LIMIT), id)).toBe(true);
        expect(await trial.read(id)).toMatchObject({ status: 'expired', version: 3 });
      }),
    );

    it(
      'writes down what a cut-off has ended, as the cut-off says, whether it has run out since or not',
      cleaning(async (store) => {
        const facts = someone();
        const over = await trial.signIn({ facts });
        const runOut = await trial.signInAndRunOut('idle', { facts });
        const other = await trial.signIn();
        const { notBefore } = await trial.store.cutOff(facts, { reason: 'stolen', by: 'admin' });
        const later = await trial.signIn({ facts: { ...facts, userId: 'another' } });
        const before = await trial.read(runOut.id);
        const ended = [...(await store.endDue(RULES, LIMIT)).ended, ...(await store.endCutOff(LIMIT)).ended];
        for (const { id } of [over, runOut]) {
          expect(ended.filter((one) => one.id === id)).toEqual([{ id, version: 2 }]);
          expect(await trial.read(id)).toMatchObject({
            status: 'revoked',
            version: 2,
            endedAt: notBefore,
            endReason: 'stolen',
            endedBy: 'admin',
          });
        }
        expect(before.status).toBe('revoked');
        expect(await trial.statusOf(other, later)).toEqual(['active', 'active']);
        expect((await store.endCutOff(LIMIT)).ended).toEqual([]);
      }),
    );

    it(
      'writes down the ends that cut-offs of a tenant and of a user in any tenant have made',
      cleaning(async (store) => {
        const [facts, others] = [someone(), someone()];
        const ofTenant = await trial.signIn({ facts });
        const ofUser = await trial.signIn({ facts: others });
        await trial.store.cutOff({ tenantId: facts.tenantId }, note);
        await trial.store.cutOff({ userId: others.userId }, note);
        const { ended } = await store.endCutOff(LIMIT);
        expect([ofTenant, ofUser].map(({ id }) => ended.some((one) => one.id === id))).toEqual([true, true]);
      }),
    );

    it(
      'ends what nobody has used for a while, of which nothing else says that it is over',
      cleaning(async (store) => {
        const { id } = await trial.signInAndRunOut('idle', { idleTimeoutMs: AN_HOUR_MS });
        const used = await trial.signIn();
        const rules = { ...RULES, inactiveAfterMs: 60_000, scrubAfterMs: undefined };
        const spared = await walk(store, { ...rules, sparesIdle: true });
        expect(spared.includes(id)).toBe(false);
        const ended = await walk(store, rules);
        expect(ended.filter((one) => one === id).length).toBe(1);
        expect(ended.includes(used.id)).toBe(false);
        expect(await trial.read(id)).toMatchObject({ status: 'expired', version: 2, endReason: 'inactive' });
      }),
    );

    it(
      'lets one node at a time go through everything',
      cleaning(async (store) => {
        await store.claimWalk(0);
        expect(await store.claimWalk(AN_HOUR_MS)).toBe(false);
        await trial.pass(5);
        expect(await store.claimWalk(1)).toBe(true);
      }),
    );

    it(
      'removes the addresses of what has ended, and keeps those of what lives',
      cleaning(async (store) => {
        const [ended, live] = [await addressed(), await addressed()];
        const over = await trial.store.end(everywhere, ended.id, 'revoked', note);
        await trial.pass(3);
        await all((limit) => store.scrubEnded(0, limit));
        expect(await trial.read(ended.id)).toEqual({ ...over, ...NO_ADDRESS });
        expect(await addressesOf(ended.id)).toEqual([]);
        expect(await trial.read(live.id)).toMatchObject({ initialIp: '192.0.2.1', lastIp: '192.0.2.2' });
        expect((await addressesOf(live.id)).length).toBe(2);
        expect(await store.scrubEnded(0, LIMIT)).toBe(0);
      }),
    );

    it(
      'removes what is no longer seen of the addresses of live sessions where it is told to, and no version rises',
      cleaning(async (store) => {
        const { id } = await trial.signInAndRunOut('idle', { idleTimeoutMs: AN_HOUR_MS, ip: '192.0.2.1' });
        await trial.store.touchMany([{ id, at: await trial.store.now(), ip: '192.0.2.2' }]);
        await walk(store, { ...RULES, inactiveAfterMs: undefined, scrubAfterMs: 60_000 });
        expect(await trial.read(id)).toMatchObject({
          version: 1,
          initialIp: null,
          location: null,
          lastIp: '192.0.2.2',
        });
        expect(await addressesOf(id)).toEqual(['192.0.2.2']);
      }),
    );

    it(
      'leaves a live session to be found by the address that it is used from',
      cleaning(async (store) => {
        const { tenantId, userId } = someone();
        const facts = { tenantId, userId };
        const { id } = await trial.signInAndRunOut('idle', { facts, idleTimeoutMs: AN_HOUR_MS, ip: '192.0.2.1' });
        await trial.store.touchMany([{ id, at: await trial.store.now(), ip: '192.0.2.1' }]);
        await walk(store, { ...RULES, inactiveAfterMs: undefined, scrubAfterMs: 60_000 });
        expect(await trial.read(id)).toMatchObject({ initialIp: null, lastIp: '192.0.2.1' });
        for (const by of [{ ip: '192.0.2.1' }, { q: '192.0.2' }]) {
          expect(await trial.store.listIds({ scope: { kind: 'tenant', tenantId }, ...by }, 10)).toEqual([id]);
        }
      }),
    );

    it(
      'forgets the places of drift with the addresses',
      cleaning(async (store) => {
        if (!recordsDrift(store)) return;
        const { id } = await trial.signInAndRunOut('idle', { idleTimeoutMs: AN_HOUR_MS });
        await trial.store.touchMany([{ id, at: await trial.store.now(), ip: null }]);
        const drift = { kind: 'address', to: '192.0.2.0/24' } as const;
        expect(await store.recordDrift(id, drift)).toBe(true);
        await walk(store, { ...RULES, inactiveAfterMs: undefined, scrubAfterMs: 60_000 });
        expect(await store.recordDrift(id, drift)).toBe(false);
        await trial.pass(3);
        await walk(store, { ...RULES, inactiveAfterMs: undefined, scrubAfterMs: 1 });
        expect(await store.recordDrift(id, drift)).toBe(true);
      }),
    );

    it(
      'removes what ended longer ago than the retention, and nothing that lives',
      cleaning(async (store) => {
        const facts = someone();
        const [ended, live] = await trial.signInTimes(2, { facts });
        await trial.store.end(everywhere, ended?.id ?? '', 'signed_out', note);
        await trial.pass(3);
        await all((limit) => store.removeEnded(AN_HOUR_MS, limit));
        expect((await trial.store.findMany([ended?.id ?? ''])).records.length).toBe(1);
        await all((limit) => store.removeEnded(0, limit));
        expect((await trial.store.findMany([ended?.id ?? ''])).records).toEqual([]);
        expect(await trial.read(live?.id ?? '')).toEqual(live);
      }),
    );

    it(
      'counts what it has done, and says when it last came to its end',
      cleaning(async (store) => {
        const before = await store.cleanupState();
        await trial.signInAndRunOut('idle');
        const ended = (await store.endDue(RULES, LIMIT)).ended.length;
        await trial.pass(3);
        const removed = await store.removeEnded(0, LIMIT);
        await store.noteCleanupRun();
        const after = await store.cleanupState();
        expect([ended > 0, removed > 0]).toEqual([true, true]);
        expect(after).toMatchObject({ ended: before.ended + ended, removed: before.removed + removed });
        expect((await trial.store.now()) - (after.lastRunAt ?? 0)).toBeLessThanOrEqual(10_000);
      }),
    );
  });

  const NO_ADDRESS = { initialIp: null, lastIp: null, location: null };

  async function addressed() {
    const session = await trial.signIn({ ip: '192.0.2.1', location: 'Somewhere' });
    await trial.store.touchMany([{ id: session.id, at: await trial.store.now(), ip: '192.0.2.2' }]);
    return session;
  }

  async function addressesOf(id: string): Promise<string[]> {
    const { store } = trial;
    if (!keepsAddresses(store)) return [];
    return (await store.origins(everywhere, id))?.addresses.map(({ ip }) => ip) ?? [];
  }

  /** Ids of what a walk through all live sessions has ended. */
  async function walk(store: SessionCleanupStore, rules: Parameters<SessionCleanupStore['walkLive']>[0]) {
    const ended: string[] = [];
    let after: Parameters<SessionCleanupStore['walkLive']>[1] = null;
    do {
      const page = await store.walkLive(rules, after, 50);
      ended.push(...page.ended.map(({ id }) => id));
      after = page.last;
    } while (after !== null);
    return ended;
  }
};
