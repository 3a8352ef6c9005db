import { keepsSettings, type SessionSettingsStore, type StoredSettings } from '../../store/settings-store.js';
import { admissionOf, randomDigest } from '../session-builder.js';
import { atMost, type ContractPart, idsOf, note, someone, type StoreTrial } from './store-trial.js';

const why = { reason: 'fewer_devices', by: 'admin' };
const unchecked = (): void => undefined;

/** Settings at run time, of stores that keep some. */
export const settingsContract: ContractPart = (trial, { describe, it, expect }) => {
  const change = async (tenantId: string, overVersion: number, settings: object | null) =>
    settingsOf(trial).changeSettings({ tenantId, overVersion, format: 1, settings, keeper: 'all' }, why, unchecked);

  describe('settings', () => {
    it('are stored with version, moment, reason and actor, and read back as they are', async () => {
      const { tenantId } = someone();
      const before = Math.floor(await trial.store.now());
      const outcome = await change(tenantId, 0, { limit: 2, clients: { 'a"b': [1, null] } });
      if (outcome.kind !== 'changed') throw new Error(outcome.kind);
      const { at, ...rest } = outcome.stored;
      expect(rest).toEqual({
        tenantId,
        version: 1,
        format: 1,
        settings: { limit: 2, clients: { 'a"b': [1, null] } },
        keeper: 'all',
        reason: why.reason,
        by: why.by,
      });
      expect(at).toBeGreaterThanOrEqual(before);
      expect(at).toBeLessThanOrEqual(await trial.store.now());
      const found = await settingsOf(trial).findSettings(tenantId);
      expect(found.filter((one) => one.tenantId === tenantId)).toEqual([outcome.stored]);
      const others = await settingsOf(trial).findSettings(someone().tenantId);
      expect(others.filter((one) => one.tenantId === tenantId)).toEqual([]);
    });

    it('change over the version that the change was made for, and over no other', async () => {
      const { tenantId } = someone();
      expect(await change(tenantId, 1, {})).toEqual({ kind: 'conflict', version: 0 });
      expect(await change(tenantId, 0, { limit: 1 })).toMatchObject({ kind: 'changed' });
      expect(await change(tenantId, 0, { limit: 2 })).toEqual({ kind: 'conflict', version: 1 });
      expect(await change(tenantId, 1, { limit: 3 })).toMatchObject({ stored: { version: 2, settings: { limit: 3 } } });
    });

    it('that are taken back keep their version, so that none is given twice', async () => {
      const { tenantId } = someone();
      await change(tenantId, 0, { limit: 1 });
      expect(await change(tenantId, 1, null)).toMatchObject({ stored: { version: 2, settings: null } });
      expect(await change(tenantId, 0, {})).toEqual({ kind: 'conflict', version: 2 });
      expect(await change(tenantId, 2, {})).toMatchObject({ stored: { version: 3, settings: {} } });
    });

    it('of one version are changed by exactly one of those who try at once', async () => {
      const { tenantId } = someone();
      const outcomes = await Promise.all(Array.from({ length: 8 }, (_, n) => change(tenantId, 0, { n })));
      expect(outcomes.filter(({ kind }) => kind === 'changed').length).toBe(1);
      expect((await settingsOf(trial).settingsHistory(tenantId, 10)).length).toBe(1);
    });

    it('stay as they are where the check throws, and nothing is logged', async () => {
      const { tenantId } = someone();
      await change(tenantId, 0, { limit: 1 });
      const refusing = settingsOf(trial).changeSettings(
        { tenantId, overVersion: 1, format: 1, settings: {}, keeper: 'all' },
        why,
        (stored) => {
          throw new RangeError(`refused over ${stored.map((one) => one.version).at(-1)}`);
        },
      );
      expect(await refusing.catch((error: unknown) => String(error))).toBe('RangeError: refused over 1');
      expect((await settingsOf(trial).findSettings(tenantId)).at(-1)).toMatchObject({ version: 1 });
      expect((await settingsOf(trial).settingsHistory(tenantId, 10)).length).toBe(1);
    });

    it('have a history, newest first, with what they were and became', async () => {
      const { tenantId } = someone();
      await change(tenantId, 0, { limit: 1 });
      await change(tenantId, 1, { limit: 2 });
      await change(tenantId, 2, null);
      const history = await settingsOf(trial).settingsHistory(tenantId, 2);
      const told = { tenantId, reason: why.reason, by: why.by };
      expect(history.map(({ at: _at, ...rest }) => rest)).toEqual([
        { ...told, version: 3, before: { limit: 2 }, after: null },
        { ...told, version: 2, before: { limit: 1 }, after: { limit: 2 } },
      ]);
    });
  });

  describe('an admission under settings', () => {
    it('is decided by its terms, given what is stored for its tenant', async () => {
      const facts = someone();
      const old = await trial.signInTimes(3, { facts });
      await change(facts.tenantId, 0, { limit: 2 });
      const asked: (readonly StoredSettings[])[] = [];
      const terms = (stored: readonly StoredSettings[]) => {
        asked.push(stored.filter(({ tenantId }) => tenantId === facts.tenantId));
        return { policy: atMost(2, 'evict-oldest'), idleTimeoutMs: 1_234_000, absoluteLifetimeMs: 5_678_000 };
      };
      const { session, evicted } = await trial.admit({ facts, terms });
      expect(idsOf(evicted)).toEqual(idsOf(old.slice(0, 2)));
      expect(session).toMatchObject({
        idleTimeoutMs: 1_234_000,
        expiresAt: session.authenticatedAt + 5_678_000,
      });
      expect(asked.map((stored) => stored.map(({ version, settings }) => [version, settings]))).toEqual([
        [[1, { limit: 2 }]],
      ]);
    });

    it('without any for its tenant is given none of another, whether it has sessions or not', async () => {
      const other = someone();
      await change(other.tenantId, 0, { limit: 2 });
      for (const facts of [someone(), { ...someone(), tenantId: null }]) {
        let seen: readonly StoredSettings[] = [];
        const terms = (stored: readonly StoredSettings[]) => {
          seen = stored;
          return { policy: [], idleTimeoutMs: 60_000, absoluteLifetimeMs: 60_000 };
        };
        for (let n = 0; n < 2; n += 1) {
          await trial.store.admit(admissionOf({ facts, terms }));
          expect(seen.filter(({ tenantId }) => tenantId !== null)).toEqual([]);
        }
      }
    });

    it('is what a completion is too: by the terms of its moment, not of its sign-in', async () => {
      const facts = someone();
      const requirements = [{ name: 'second_factor', approvers: null }];
      const pending = { requirements, roles: [], timeLimitMs: 60_000, most: 5 };
      const session = await trial.signIn({ facts, pending });
      const old = await trial.signIn({ facts });
      const meeting = { id: session.id, requirement: 'second_factor', by: null, isApproval: false };
      await trial.store.meet({ kind: 'all' }, meeting);
      await change(facts.tenantId, 0, { limit: 1 });
      const terms = (stored: readonly StoredSettings[]) => ({
        policy: stored.some(({ tenantId }) => tenantId === facts.tenantId) ? atMost(1, 'evict-oldest') : [],
        ...{ idleTimeoutMs: 1_234_000, absoluteLifetimeMs: 5_678_000 },
      });
      const outcome = await trial.store.activate(
        {
          ...{ scope: { kind: 'all' }, id: session.id, facts: session, ...terms([]), terms },
          ...{ answer: null, question: null, completes: { fromGeneration: 0, tokenDigest: randomDigest() } },
        },
        note,
      );
      expect(outcome).toMatchObject({ kind: 'activated', evicted: [{ id: old.id }] });
      const active = await trial.read(session.id);
      expect(active).toMatchObject({ idleTimeoutMs: 1_234_000, expiresAt: active.authenticatedAt + 5_678_000 });
    });

    it('is rejected as one without a slot is', async () => {
      const facts = someone();
      await trial.signIn({ facts });
      const terms = () => ({ policy: atMost(1, 'reject'), idleTimeoutMs: 60_000, absoluteLifetimeMs: 60_000 });
      expect((await trial.store.admit(admissionOf({ facts, terms }))).kind).toBe('rejected');
      expect(await trial.liveOf(facts)).toBe(1);
      await trial.store.endMany({ scope: { kind: 'user', ...facts } }, 'revoked', note, 10);
      expect((await trial.store.admit(admissionOf({ facts, terms }))).kind).toBe('admitted');
    });
  });
};

function settingsOf(trial: StoreTrial): SessionSettingsStore {
  const { store } = trial;
  if (!keepsSettings(store)) throw new Error('The store keeps no settings.');
  return store;
}
