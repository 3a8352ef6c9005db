import type { SessionRecord } from '../../core/session.js';
import type { ChangeNote, SessionStore } from '../../store/session-store.js';
import {
  keepsUndo,
  type Restoration,
  type RestoreOutcome,
  type SessionUndoStore,
  type UndoOutcome,
} from '../../store/session-undo.js';
import { admissionOf, type AdmissionOverrides, randomDigest } from '../session-builder.js';
import { atMost, type ContractPart, everywhere, hex, idsOf, note, someone } from './store-trial.js';

const WINDOW_MS = 600_000;
const ENDED: ChangeNote = { reason: 'mistake', by: 'admin', undoable: true };

export const undoContract: ContractPart = (trial, { describe, it, expect }) => {
  const store = (): SessionStore & SessionUndoStore => {
    if (!keepsUndo(trial.store)) throw new Error('The store does not let revocations be undone.');
    return trial.store;
  };
  const revoke = async ({ id }: Pick<SessionRecord, 'id'>, by: ChangeNote = ENDED): Promise<SessionRecord> => {
    const [ended] = await store().endMany({ scope: everywhere, ids: [id] }, 'revoked', by, 1);
    if (ended === undefined) throw new Error('There was nothing to revoke.');
    return ended;
  };
  const undo = ({ id }: Pick<SessionRecord, 'id'>, windowMs = WINDOW_MS) =>
    store().undo({ scope: everywhere, id, windowMs }, note);
  const restorationOf = (old: SessionRecord, overrides: Partial<Restoration> = {}): Restoration => {
    const { id, tokenDigest, policy, idleTimeoutMs, absoluteLifetimeMs, answer, question } = admissionOf();
    return {
      ...{ id, tokenDigest, policy, idleTimeoutMs, absoluteLifetimeMs, answer, question },
      ...{ from: old.id, facts: old, presentedDigest: old.tokenDigest },
      ...overrides,
    };
  };
  const restore = (old: SessionRecord, overrides?: Partial<Restoration>) =>
    store().restore(restorationOf(old, overrides));
  const whyNot = (outcome: UndoOutcome | RestoreOutcome | undefined) =>
    outcome?.kind === 'refused' ? outcome.reason : outcome?.kind;
  const signInAndRevoke = async (overrides: AdmissionOverrides = {}) => {
    const before = await trial.signIn(overrides);
    return { before, ended: await revoke(before) };
  };
  const permitted = async (overrides: AdmissionOverrides = {}) => {
    const { before } = await signInAndRevoke(overrides);
    const outcome = await undo(before);
    if (outcome?.kind !== 'undone') throw new Error(`The revocation was not undone: ${String(whyNot(outcome))}`);
    return { before, ended: outcome.session };
  };
  const typesOf = async ({ id }: Pick<SessionRecord, 'id'>) =>
    (await store().history(everywhere, id, { limit: 50, after: null }))?.map(({ type }) => type);

  describe('a revocation that is undone', () => {
    it('stays one: the session has a permit, a version and a row in its history more', async () => {
      const { ended } = await signInAndRevoke();
      const outcome = await undo(ended);
      expect(outcome).toMatchObject({ kind: 'undone', restorableUntil: (ended.endedAt ?? 0) + WINDOW_MS });
      expect(await trial.read(ended.id)).toMatchObject({ status: 'revoked', version: 3, endedBy: 'admin' });
      expect(await typesOf(ended)).toEqual(['created', 'revoked', 'undone']);
    });

    it('is undone once, within the time for it, and by who has it in scope', async () => {
      const { ended } = await signInAndRevoke();
      const foreign = { kind: 'tenant', tenantId: someone().tenantId } as const;
      expect(await store().undo({ scope: foreign, id: ended.id, windowMs: WINDOW_MS }, note)).toBe(undefined);
      expect(whyNot(await undo(ended, 0))).toBe('too_late');
      expect(whyNot(await undo(ended))).toBe('undone');
      expect(whyNot(await undo(ended))).toBe('already_undone');
      const keyed = await signInAndRevoke();
      const once = { ...note, idempotencyKey: 'once' };
      for (const expected of ['undone', 'undone']) {
        expect(whyNot(await store().undo({ scope: everywhere, id: keyed.ended.id, windowMs: WINDOW_MS }, once))).toBe(
          expected,
        );
      }
      expect(await typesOf(keyed.ended)).toEqual(['created', 'revoked', 'undone']);
      expect(whyNot(await undo(keyed.ended))).toBe('already_undone');
      const other = await signInAndRevoke();
      await trial.pass(3);
      expect(whyNot(await undo(other.ended, 2))).toBe('too_late');
    });

    it('is one of an active session, by somebody else than its user', async () => {
      const live = await trial.signIn();
      expect(whyNot(await undo(live))).toBe('not_undoable');
      const own = await trial.signIn();
      await revoke(own, { ...ENDED, by: own.userId });
      const final = await trial.signIn();
      await revoke(final, { reason: 'password_changed', by: 'admin' });
      const out = await trial.signIn();
      await store().end(everywhere, out.id, 'signed_out', ENDED);
      const asleep = await trial.signIn();
      await store().changeStatus(everywhere, asleep.id, 'suspended', note);
      await revoke(asleep);
      const pending = await trial.signIn({
        pending: {
          ...{ requirements: [{ name: 'totp', approvers: null }], roles: [] },
          ...{ timeLimitMs: 60_000, most: 1 },
        },
      });
      await revoke(pending);
      const impersonated = await trial.signIn({ impersonator: someone() });
      await revoke(impersonated);
      for (const session of [own, final, out, asleep, pending, impersonated]) {
        expect(whyNot(await undo(session))).toBe('not_undoable');
      }
    });

    it('is none where something has changed since', async () => {
      const facts = someone();
      const { ended } = await signInAndRevoke({ facts });
      await trial.pass(2);
      await trial.signIn({ facts });
      expect(whyNot(await undo(ended))).toBe('changed');

      const cut = await signInAndRevoke({ facts: someone() });
      await store().cutOff({ tenantId: cut.ended.tenantId, userId: cut.ended.userId }, note);
      expect(whyNot(await undo(cut.ended))).toBe('changed');

      const settled = await signInAndRevoke({ facts: someone() });
      await store().settleUndo(settled.ended);
      expect(whyNot(await undo(settled.ended))).toBe('changed');

      const renamed = await signInAndRevoke({ facts: someone() });
      await store().changeUserData(renamed.ended, () => Promise.resolve(undefined), note);
      expect(whyNot(await undo(renamed.ended))).toBe('changed');
    });

    it('is none of somebody else', async () => {
      const { ended } = await signInAndRevoke({ facts: someone() });
      await store().settleUndo(someone());
      await store().changeUserData(someone(), () => Promise.resolve(undefined), note);
      await store().cutOff(someone(), note);
      await trial.signIn({ facts: { ...someone(), tenantId: ended.tenantId } });
      await trial.signIn({ facts: { ...someone(), userId: ended.userId } });
      expect(whyNot(await undo(ended))).toBe('undone');
    });
  });

  describe('the session that takes its place', () => {
    it('is a new one of the same user on the same device, with no more rights and no more time', async () => {
      const { before, ended } = await permitted({
        ...{ facts: { ...someone(), clientId: 'app', deviceType: 'mobile', deviceId: 'phone' }, deviceName: 'Phone' },
        ...{ userAgent: 'Agent', ip: '192.0.2.1', location: 'Berlin', rememberMe: true, assurance: 'aal2' },
        ...{ data: { role: 'user' }, idleTimeoutMs: 1_800_000, absoluteLifetimeMs: 7_200_000 },
      });
      const tokenDigest = randomDigest();
      await trial.pass(2);
      const outcome = await restore(ended, { tokenDigest });
      if (outcome.kind !== 'restored') throw new Error(String(whyNot(outcome)));
      const { session, from, evicted } = outcome;
      expect(session).toMatchObject({
        ...{ tenantId: before.tenantId, userId: before.userId, clientId: 'app', deviceType: 'mobile' },
        ...{ deviceId: 'phone', deviceName: 'Phone', userAgent: 'Agent', initialIp: '192.0.2.1', location: 'Berlin' },
        ...{ rememberMe: true, assurance: 'aal2', data: { role: 'user' }, status: 'active', version: 1, pending: null },
        ...{ authenticatedAt: before.authenticatedAt, expiresAt: before.expiresAt, idleTimeoutMs: 1_800_000 },
        ...{ restoredFrom: before.id, tokenGeneration: 0, previous: null, endedAt: null, dataVersion: 0 },
      });
      expect(session.id).not.toBe(before.id);
      expect(session.createdAt).toBeGreaterThan(before.createdAt);
      expect(hex(session.tokenDigest)).toBe(hex(tokenDigest));
      expect(evicted).toEqual([]);
      expect(from).toMatchObject({ id: before.id, status: 'revoked', version: 4 });
      expect(await trial.read(before.id)).toMatchObject({ status: 'revoked', version: 4, restoredFrom: null });
      expect(hex((await trial.read(session.id)).tokenDigest)).toBe(hex(tokenDigest));
      expect(await typesOf(before)).toEqual(['created', 'revoked', 'undone', 'restored']);
      expect(await typesOf(session)).toEqual(['created']);
    });

    it('has the shorter limits where the rules have become stricter', async () => {
      const { before, ended } = await permitted();
      const strict = { idleTimeoutMs: 600_000, absoluteLifetimeMs: 1_200_000 };
      expect(await restore(ended, { terms: () => ({ policy: [], ...strict }) })).toMatchObject({
        session: { idleTimeoutMs: 600_000, expiresAt: before.authenticatedAt + 1_200_000 },
      });
      const other = await permitted();
      expect(whyNot(await restore(other.ended, { absoluteLifetimeMs: 0 }))).toBe('too_late');
    });

    it('is made once, also where many ask at once', async () => {
      const { ended } = await permitted();
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => restore(ended)));
      expect(outcomes.map(whyNot).sort()).toEqual(['restored', ...Array.from({ length: 7 }, () => 'used')]);
      expect(await trial.liveOf(ended)).toBe(1);
    });

    it('is made for the current token alone', async () => {
      const { ended } = await permitted();
      expect(whyNot(await restore(ended, { presentedDigest: randomDigest() }))).toBe('unknown');
      expect(whyNot(await restore(ended, { from: admissionOf().id }))).toBe('unknown');
      expect(whyNot(await restore(ended))).toBe('restored');
    });

    it('is not made without a permit', async () => {
      const { ended } = await signInAndRevoke();
      expect(whyNot(await restore(ended))).toBe('not_undone');
      expect(whyNot(await restore(await trial.signIn()))).toBe('not_undone');
    });

    it('is not made where something has changed since the permit was given, or the time is over', async () => {
      const facts = someone();
      const signedIn = await permitted({ facts });
      await trial.pass(2);
      await trial.signIn({ facts });
      const cut = await permitted({ facts: someone() });
      await store().cutOff({ tenantId: cut.ended.tenantId, userId: cut.ended.userId }, note);
      const settled = await permitted({ facts: someone() });
      await store().settleUndo(settled.ended);
      const withdrawn = await permitted({ facts: someone() });
      const { tenantId, userId } = withdrawn.ended;
      await store().withdrawUndo({ scope: everywhere, tenantId, userId, status: 'unended' });
      for (const { ended } of [signedIn, cut, settled, withdrawn]) expect(whyNot(await restore(ended))).toBe('changed');

      const late = await signInAndRevoke();
      const outcome = await undo(late.ended, 50);
      await trial.pass(51);
      expect([whyNot(outcome), whyNot(await restore(late.ended))]).toEqual(['undone', 'too_late']);
    });

    it('comes back beside others of the user that do', async () => {
      const facts = someone();
      const sessions = await trial.signInTimes(2, { facts });
      for (const session of sessions) await revoke(session);
      for (const session of sessions) expect(whyNot(await undo(session))).toBe('undone');
      for (const session of sessions) expect(whyNot(await restore(session))).toBe('restored');
      expect(await trial.liveOf(facts)).toBe(2);
    });

    it('holds a slot by the policy', async () => {
      const mine = someone();
      const other = await trial.signIn({ facts: mine });
      const back = await permitted({ facts: mine });
      const full = await restore(back.ended, { policy: atMost(1, 'reject') });
      expect(full).toMatchObject({ kind: 'rejected', full: [{ id: other.id }] });
      const question = { ticketDigest: randomDigest(), lifetimeMs: 60_000 };
      const asked = await restore(back.ended, { policy: atMost(1, 'ask'), question });
      expect(asked).toMatchObject({ kind: 'asked', mustEnd: 1 });
      const outcome = await restore(back.ended, { policy: atMost(1, 'evict-oldest') });
      if (outcome.kind !== 'restored') throw new Error(String(whyNot(outcome)));
      expect(idsOf(outcome.evicted)).toEqual([other.id]);
      expect(outcome.session.scopeKeys).toEqual(other.scopeKeys);
      expect(await trial.liveOf(mine)).toBe(1);
    });

    it('is no change that the restored one could not itself be undone after', async () => {
      const { ended } = await permitted();
      const outcome = await restore(ended);
      if (outcome.kind !== 'restored') throw new Error(String(whyNot(outcome)));
      await revoke(outcome.session);
      expect(
        await store().undo(
          { scope: everywhere, id: outcome.session.id, windowMs: WINDOW_MS },
          { ...note, by: ended.userId },
        ),
      ).toEqual({ kind: 'refused', reason: 'own_session' });
      expect(whyNot(await undo(ended))).toBe('already_undone');
      expect(whyNot(await undo(outcome.session))).toBe('undone');
      expect(await restore(outcome.session)).toMatchObject({ session: { restoredFrom: outcome.session.id } });
    });
  });
};
