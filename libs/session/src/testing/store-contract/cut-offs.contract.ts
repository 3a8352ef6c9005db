import type { CutOffScope } from '../../core/cut-off.js';
import type { SessionFacts, SessionRecord } from '../../core/session.js';
import type { Page, SessionFilter } from '../../store/session-store.js';
import { keepsSettings } from '../../store/settings-store.js';
import { type AdmissionOverrides, admissionOf, randomDigest } from '../session-builder.js';
import { atMost, type ContractPart, everywhere, idsOf, note, someone, sortedIdsOf } from './store-trial.js';

const wholePage: Page = { limit: 1_000, descending: false, after: null };
const why = { reason: 'stolen_laptop', by: 'admin' };
/** Longer than any test takes. */
const AN_HOUR_MS = 3_600_000;

/** "Nothing issued before this moment". */
export const cutOffsContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('a cut-off', () => {
    it('is told with its scope, moment, reason and actor, and raises its version', async () => {
      const { tenantId, userId } = someone();
      const before = Math.floor(await trial.store.now());
      const first = await trial.store.cutOff({ tenantId, userId }, why);
      expect({ ...first }).toEqual({
        scope: { tenantId, userId },
        notBefore: first.notBefore,
        version: 1,
        reason: why.reason,
        by: why.by,
      });
      expect(first.notBefore).toBeGreaterThanOrEqual(before);
      const second = await trial.store.cutOff({ tenantId, userId }, note);
      expect({ ...second }).toMatchObject({ version: 2, reason: note.reason, by: note.by });
      expect(second.notBefore).toBeGreaterThan(first.notBefore);
    });

    it('makes what was live read as revoked, at its moment, for its reason and by its actor', async () => {
      const facts = someone();
      const session = await trial.signIn({ facts: { ...facts, deviceId: 'laptop' } });
      const { notBefore } = await trial.store.cutOff({ userId: facts.userId }, why);
      const over = { status: 'revoked', endedAt: notBefore, endReason: why.reason, endedBy: why.by };
      expect(await trial.read(session.id)).toEqual({ ...session, ...over });
      const last = await trial.store.findLast(facts.tenantId, facts.userId, 'laptop');
      expect({ ...last }).toEqual({ ...session, ...over });
      const [listed] = await trial.store.list({ scope: { kind: 'user', ...facts } }, wholePage);
      expect({ ...listed }).toEqual({ ...session, ...over });
      expect(await trial.store.exists(session.id)).toBe(false);
    });

    it('covers suspended sessions too, and leaves ended ones as they ended', async () => {
      const facts = someone();
      const [suspended, gone] = await trial.signInTimes(2, { facts });
      await trial.store.changeStatus(everywhere, suspended?.id ?? '', 'suspended', note);
      const ended = await trial.store.end(everywhere, gone?.id ?? '', 'signed_out', note);
      await trial.store.cutOff(facts, why);
      expect((await trial.read(suspended?.id ?? '')).status).toBe('revoked');
      expect(await trial.read(gone?.id ?? '')).toEqual(ended);
    });

    it('is not of whoever signs in afterwards, at once or later', async () => {
      const facts = someone();
      for (let round = 0; round < 5; round += 1) {
        const { notBefore } = await trial.store.cutOff(facts, why);
        const session = await trial.signIn({ facts });
        expect(session.status).toBe('active');
        expect(session.createdAt).toBeGreaterThan(notBefore);
        expect(await trial.read(session.id)).toEqual(session);
      }
    });

    it('ends what was signed in just after another one, whatever the scopes', async () => {
      const facts = someone();
      const scopes: CutOffScope[] = [facts, { userId: facts.userId }, { tenantId: facts.tenantId }, facts];
      for (const scope of scopes) {
        const { id } = await trial.signIn({ facts });
        await trial.store.cutOff(scope, why);
        expect(await trial.statusOf({ id })).toEqual(['revoked']);
      }
    });

    it('of a session that several cover is the first', async () => {
      const facts = someone();
      const { id } = await trial.signIn({ facts });
      const first = await trial.store.cutOff({ userId: facts.userId }, why);
      await trial.store.cutOff(facts, note);
      await trial.store.cutOff({ tenantId: facts.tenantId }, note);
      expect(await trial.read(id)).toMatchObject({ endedAt: first.notBefore, endReason: why.reason });
    });

    it('keeps 200 characters of the reason', async () => {
      const { reason } = await trial.store.cutOff(someone(), { reason: 'r'.repeat(300), by: null });
      expect(reason).toBe('r'.repeat(200));
    });
  });

  describe('the scope of a cut-off', () => {
    const hostile = [
      '*',
      't',
      'a:b',
      '1:a',
      's1:ab',
      '%',
      '[]',
      '"',
      '\\',
      "'",
      ' ',
      'é',
      'e\u0301',
      '😀',
      '__proto__',
    ];

    it('is a tenant, a user of it, a user id in any tenant, or those without a tenant [row 44]', async () => {
      const [one, other] = [someone(), someone()];
      const subjects: Pick<SessionFacts, 'tenantId' | 'userId'>[] = [
        one,
        { tenantId: one.tenantId, userId: other.userId },
        { tenantId: other.tenantId, userId: one.userId },
        { tenantId: null, userId: one.userId },
      ];
      const cases: [CutOffScope, boolean[]][] = [
        [one, [true, false, false, false]],
        [{ tenantId: one.tenantId }, [true, true, false, false]],
        [{ userId: one.userId }, [true, false, true, true]],
        [{ tenantId: null, userId: one.userId }, [false, false, false, true]],
      ];
      for (const [scope, expected] of cases) {
        const sessions: SessionRecord[] = [];
        for (const facts of subjects) sessions.push(await trial.signIn({ facts }));
        await trial.store.cutOff(scope, why);
        expect((await trial.statusOf(...sessions)).map((status) => status === 'revoked')).toEqual(expected);
      }
    });

    it('takes ids for what they are, whatever they hold', async () => {
      const { tenantId } = someone();
      const pairs = hostile.flatMap((tenant) => hostile.map((userId) => ({ tenantId: tenantId + tenant, userId })));
      const sessions = await Promise.all(pairs.map((facts) => trial.signIn({ facts })));
      for (const [index, scope] of [...pairs.entries()].filter(([position]) => position % 37 === 5)) {
        const before = await trial.statusOf(...sessions);
        await trial.store.cutOff(scope, why);
        const after = await trial.statusOf(...sessions);
        expect(after).toEqual(before.map((status, position) => (position === index ? 'revoked' : status)));
      }
    });

    it('does not confuse a tenant and a user by where one ends and the other begins', async () => {
      const base = someone().tenantId;
      const left = await trial.signIn({ facts: { tenantId: `${base}a`, userId: 'bc' } });
      const right = await trial.signIn({ facts: { tenantId: `${base}ab`, userId: 'c' } });
      await trial.store.cutOff({ tenantId: `${base}a`, userId: 'bc' }, why);
      expect(await trial.statusOf(left, right)).toEqual(['revoked', 'active']);
    });
  });

  describe('what is cut off', () => {
    const cutOff = async (overrides: AdmissionOverrides = {}) => {
      const facts = { ...someone(), ...overrides.facts };
      const session = await trial.signIn({ ...overrides, facts });
      await trial.store.cutOff({ tenantId: facts.tenantId, userId: facts.userId }, why);
      return { facts, session, over: await trial.read(session.id) };
    };

    it('takes no change, and no change is reported [rows 19, 23, 31]', async () => {
      const { session, over } = await cutOff();
      const { id } = session;
      expect(await trial.store.end(everywhere, id, 'signed_out', note)).toBe(undefined);
      expect(await trial.store.endMany({ scope: everywhere, ids: [id] }, 'revoked', note, 10)).toEqual([]);
      expect(await trial.store.changeStatus(everywhere, id, 'suspended', note)).toBe(undefined);
      expect(await trial.store.rename(everywhere, id, 'mine', note)).toBe(undefined);
      const rotation = { id, fromGeneration: 0, tokenDigest: randomDigest(), reauthenticated: true };
      expect(await trial.store.rotate(rotation, note)).toBe(undefined);
      await trial.pass(5);
      const at = await trial.store.now();
      expect((await trial.store.touchMany([{ id, at, ip: '192.0.2.1' }])).skipped).toEqual([]);
      expect(await trial.read(id)).toEqual(over);
    });

    it('is found under revoked, and neither under live nor under its own state', async () => {
      const { tenantId, userId } = someone();
      const sessions = await trial.signInTimes(2, { facts: { tenantId, userId } });
      await trial.store.changeStatus(everywhere, sessions[1]?.id ?? '', 'suspended', note);
      await trial.store.cutOff({ tenantId }, why);
      const later = await trial.signIn({ facts: { tenantId, userId: 'later' } });
      const cases: [NonNullable<SessionFilter['status']>, string[]][] = [
        ['live', [later.id]],
        ['active', [later.id]],
        ['suspended', []],
        ['revoked', idsOf(sessions)],
        ['signed_out', []],
      ];
      for (const [status, expected] of cases) {
        const filter: SessionFilter = { scope: everywhere, tenantId, status };
        expect(sortedIdsOf(await trial.store.list(filter, wholePage))).toEqual([...expected].sort());
        expect(await trial.store.count(filter)).toBe(expected.length);
      }
      expect(await trial.store.count({ scope: everywhere, tenantId })).toBe(3);
    });

    it('holds no slot, and the next admission of the user writes its end down', async () => {
      const facts = someone();
      const policy = atMost(2, 'reject');
      const old = await trial.signInTimes(2, { facts, policy });
      const { notBefore } = await trial.store.cutOff(facts, why);
      const { ended, evicted, session } = await trial.admit({ facts, policy });
      expect(sortedIdsOf(ended)).toEqual(sortedIdsOf(old));
      expect(evicted).toEqual([]);
      for (const one of ended) {
        const end = { status: 'revoked', endedAt: notBefore, endReason: why.reason, endedBy: why.by, version: 2 };
        expect(one).toMatchObject(end);
        expect(await trial.read(one.id)).toEqual(one);
      }
      expect(await trial.liveOf(facts)).toBe(1);
      expect((await trial.admit({ facts, policy })).ended).toEqual([]);
      expect((await trial.store.admit(admissionOf({ facts, policy }))).kind).toBe('rejected');
      expect((await trial.read(session.id)).status).toBe('active');
    });

    it('is written down as revoked where the newcomer takes its place too', async () => {
      const { facts, session } = await cutOff();
      const { ended } = await trial.admit({ facts, replaces: session.id });
      expect(ended.map(({ id, status, endReason }) => [id, status, endReason])).toEqual([
        [session.id, 'revoked', why.reason],
      ]);
    });

    it('is not what a newcomer of another user replaces', async () => {
      const { session, over } = await cutOff();
      expect((await trial.admit({ replaces: session.id })).ended).toEqual([]);
      expect(await trial.read(session.id)).toEqual(over);
    });
  });

  describe('forgetting cut-offs', () => {
    it('keeps the young ones', async () => {
      const facts = someone();
      const { id } = await trial.signIn({ facts });
      await trial.store.cutOff(facts, why);
      await trial.store.forgetCutOffs(AN_HOUR_MS);
      expect(await trial.statusOf({ id })).toEqual(['revoked']);
    });

    it('keeps those that are younger than a lifetime in stored settings, of whichever tenant', async () => {
      const { store } = trial;
      if (!keepsSettings(store)) return;
      const { tenantId, userId } = someone();
      const lifetimes = { clients: { kiosk: { absoluteLifetimeMs: AN_HOUR_MS, idleTimeoutMs: 60_000 } } };
      const change = { tenantId, format: 1, keeper: 'all' } as const;
      await store.changeSettings({ ...change, overVersion: 0, settings: { lifetimes } }, note, () => undefined);
      await store.cutOff({ userId }, why);
      await trial.pass(5);
      await store.forgetCutOffs(0);
      expect((await store.cutOff({ userId }, why)).version).toBe(2);
      await store.changeSettings({ ...change, overVersion: 1, settings: null }, note, () => undefined);
      await trial.pass(5);
      await store.forgetCutOffs(0);
      expect((await store.cutOff({ userId }, why)).version).toBe(1);
    });

    it('keeps what still covers a live session, and forgets it once that is ended', async () => {
      const facts = someone();
      const { id } = await trial.signIn({ facts });
      await trial.store.cutOff(facts, why);
      await trial.pass(5);
      await trial.store.forgetCutOffs(0);
      expect(await trial.statusOf({ id })).toEqual(['revoked']);
      await trial.signIn({ facts });
      await trial.pass(5);
      await trial.store.forgetCutOffs(0);
      expect((await trial.store.cutOff(facts, why)).version).toBe(1);
    });
  });
};
