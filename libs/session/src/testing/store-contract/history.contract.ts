import type { SessionRecord } from '../../core/session.js';
import { cleansUp } from '../../store/session-cleanup.js';
import type { Activation } from '../../store/session-activation.js';
import type { FieldChange } from '../../store/session-history.js';
import type { ChangeNote } from '../../store/session-store.js';
import { erasesUsers } from '../../store/user-erasure.js';
import { activationOf } from '../activation-of.js';
import { randomDigest } from '../session-builder.js';
import { atMost, type ContractPart, everywhere, note, someone } from './store-trial.js';

const whole = { limit: 100, after: null };
const HOUR_MS = 3_600_000;

/** What histories tell beside what happened: field by field, and from where. */
export const historyContract: ContractPart = (trial, { describe, it, expect }) => {
  const historyOf = async (id: string) => (await trial.store.history(everywhere, id, whole)) ?? [];
  const lastOf = async (id: string) => (await historyOf(id)).at(-1);
  /** The changes of the last entry, by field. */
  const changesOf = async (id: string) =>
    new Map(((await lastOf(id))?.changes ?? []).map(({ field, from, to }: FieldChange) => [field, [from, to]]));
  /** Of what waits with a token, of what was suspended without. */
  const activated = (session: SessionRecord): Activation =>
    activationOf(session, { question: null, ...(session.status === 'pending' ? {} : { completes: null }) });

  describe('what a change has changed', () => {
    it('is all that a session began with', async () => {
      const { id, authenticatedAt, expiresAt } = await trial.signIn({ deviceName: 'Phone' });
      expect(await changesOf(id)).toEqual(
        new Map<string, unknown[]>([
          ['status', [null, 'active']],
          ['holdsSlot', [null, true]],
          ['deviceName', [null, 'Phone']],
          ['assurance', [null, 'aal1']],
          ['authenticatedAt', [null, authenticatedAt]],
          ['expiresAt', [null, expiresAt]],
          ['idleTimeoutMs', [null, HOUR_MS]],
          ['tokenGeneration', [null, 0]],
        ]),
      );
    });

    it('is a name, a state, a slot: what it was, what it is, and nothing else', async () => {
      const { id } = await trial.signIn({ deviceName: 'Phone' });
      await trial.store.rename(everywhere, id, 'Tablet', note);
      expect((await lastOf(id))?.changes).toEqual([{ field: 'deviceName', from: 'Phone', to: 'Tablet' }]);
      await trial.store.rename(everywhere, id, null, note);
      expect((await lastOf(id))?.changes).toEqual([{ field: 'deviceName', from: 'Tablet', to: null }]);
      await trial.store.changeStatus(everywhere, id, 'suspended', note);
      expect((await lastOf(id))?.changes).toEqual([{ field: 'status', from: 'active', to: 'suspended' }]);
      await trial.store.changeStatus(everywhere, id, 'active', note);
      expect((await lastOf(id))?.changes).toEqual([{ field: 'status', from: 'suspended', to: 'active' }]);
      const freed = new Map<string, unknown[]>([
        ['status', ['active', 'suspended']],
        ['holdsSlot', [true, false]],
      ]);
      await trial.store.changeStatus(everywhere, id, 'suspended', note, true);
      expect(await changesOf(id)).toEqual(freed);
      const resumed = await trial.store.activate(activated(await trial.read(id)), note);
      expect(resumed.kind).toBe('activated');
      expect(await changesOf(id)).toEqual(new Map([...freed].map(([field, [from, to]]) => [field, [to, from]])));
      await trial.store.end(everywhere, id, 'revoked', note);
      expect(await changesOf(id)).toEqual(
        new Map<string, unknown[]>([
          ['status', ['active', 'revoked']],
          ['holdsSlot', [true, false]],
        ]),
      );
    });

    it('of a rotation is the generation, and with it what a step-up moves, and never a digest', async () => {
      const session = await trial.signIn();
      const { id } = session;
      const rotation = { id, tokenDigest: randomDigest(), reauthenticated: false };
      await trial.store.rotate({ ...rotation, fromGeneration: 0 }, note);
      expect((await lastOf(id))?.changes).toEqual([{ field: 'tokenGeneration', from: 0, to: 1 }]);
      await trial.pass(3);
      await trial.store.rotate({ ...rotation, fromGeneration: 1, reauthenticated: true, assurance: 'aal2' }, note);
      const { authenticatedAt, expiresAt } = await trial.read(id);
      expect(await changesOf(id)).toEqual(
        new Map<string, unknown[]>([
          ['tokenGeneration', [1, 2]],
          ['assurance', ['aal1', 'aal2']],
          ['authenticatedAt', [session.authenticatedAt, authenticatedAt]],
          ['expiresAt', [session.expiresAt, expiresAt]],
        ]),
      );
    });

    it('of a sign-in that waits is what was met, and then all that becomes of it', async () => {
      const requirements = [{ name: 'second_factor', approvers: null }];
      const pending = { requirements, roles: [], timeLimitMs: 60_000, most: 5 };
      const { id } = await trial.signIn({ pending });
      expect((await changesOf(id)).get('requirements.second_factor')).toEqual([null, 0]);
      await trial.store.meet(everywhere, { id, requirement: 'second_factor', by: null, isApproval: false });
      expect((await lastOf(id))?.changes).toEqual([{ field: 'requirements.second_factor', from: 0, to: 1 }]);
      await trial.store.activate(activated(await trial.read(id)), note);
      const changes = await changesOf(id);
      for (const field of ['tokenGeneration', 'requirements.second_factor', 'idleTimeoutMs']) {
        expect(changes.has(field)).toBe(true);
      }
      expect(changes.get('status')).toEqual(['pending', 'active']);
      expect(changes.get('holdsSlot')).toEqual([false, true]);
    });

    it('of data is named, and told by value only where the change brings values', async () => {
      const { id } = await trial.signIn({ data: { a: 1, b: 2 } });
      await trial.store.replaceData({ id, fromVersion: 0, data: { a: 7 }, keys: ['a', 'b'] }, note);
      expect((await lastOf(id))?.changes).toEqual([{ field: 'data.a' }, { field: 'data.b' }]);
      const values = { a: { from: 7, to: { deep: [1] } } };
      await trial.store.replaceData({ id, fromVersion: 1, data: { a: { deep: [1] } }, keys: ['a'], values }, note);
      expect((await lastOf(id))?.changes).toEqual([{ field: 'data.a', from: 7, to: { deep: [1] } }]);
    });

    it('is the same wherever a page begins', async () => {
      const { id } = await trial.signIn();
      for (const name of ['a', 'b', 'c']) await trial.store.rename(everywhere, id, name, note);
      const all = await historyOf(id);
      const after = all[1]?.id ?? null;
      expect(await trial.store.history(everywhere, id, { limit: 1, after })).toEqual(all.slice(2, 3));
      expect(all[2]?.changes).toEqual([{ field: 'deviceName', from: 'a', to: 'b' }]);
    });
  });

  describe('where a change comes from', () => {
    const context = { source: 'rest', ip: '192.0.2.7', tags: ['ticket-4711', 'fraud'], idempotencyKey: 'k 1' } as const;
    const told = { ...note, ...context };

    it('is kept with it, as far as it is said', async () => {
      const { id } = await trial.signIn({ ip: '192.0.2.1' });
      expect(await lastOf(id)).toMatchObject({ source: 'sign-in', ip: '192.0.2.1' });
      const steps: ((note: ChangeNote) => Promise<unknown>)[] = [
        (from) => trial.store.rename(everywhere, id, 'x', from),
        (from) => trial.store.changeStatus(everywhere, id, 'suspended', from),
        (from) => trial.store.changeStatus(everywhere, id, 'active', from),
        (from) => trial.store.replaceData({ id, fromVersion: 0, data: { a: 1 }, keys: ['a'] }, from),
        (from) => trial.store.endMany({ scope: everywhere, ids: [id] }, 'revoked', from, 1),
      ];
      for (const step of steps) {
        await step(told);
        expect(await lastOf(id)).toMatchObject(context);
      }
      const bare = await trial.signIn();
      await trial.store.end(everywhere, bare.id, 'revoked', note);
      const { source, ip, tags, idempotencyKey } = (await lastOf(bare.id)) ?? {};
      expect([source, ip, tags, idempotencyKey]).toEqual(['code', undefined, undefined, undefined]);
    });

    it('is told of what nobody asked for: the policy, a newer sign-in, a cut-off, the cleanup', async () => {
      const facts = someone();
      const policy = atMost(1, 'evict-oldest');
      const evicted = await trial.signIn({ facts, policy });
      const replaced = await trial.signIn({ facts, policy });
      await trial.signIn({ facts, policy, replaces: replaced.id });
      expect(await lastOf(evicted.id)).toMatchObject({ type: 'evicted', source: 'policy' });
      expect(await lastOf(replaced.id)).toMatchObject({ type: 'signed_out', source: 'sign-in' });
      const covered = await trial.signIn({ facts });
      await trial.store.cutOff(facts, note);
      await trial.signIn({ facts });
      expect(await lastOf(covered.id)).toMatchObject({ type: 'revoked', source: 'cut-off' });
      const { store } = trial;
      if (!cleansUp(store)) return;
      const over = await trial.signInAndRunOut('absolute');
      await store.endDue({ graceMs: 0, sparesIdle: false, recoveryMs: 0 }, 1_000);
      expect(await lastOf(over.id)).toMatchObject({ type: 'expired', source: 'cleanup' });
    });

    it('loses its address when addresses are removed', async () => {
      const { store } = trial;
      if (!cleansUp(store)) return;
      const { id } = await trial.signIn({ ip: '192.0.2.1' });
      await store.end(everywhere, id, 'revoked', told);
      await trial.pass(3);
      while ((await store.scrubEnded(0, 1_000)) > 0);
      const history = await historyOf(id);
      expect(history.map(({ type, source, ip }) => [type, source, ip])).toEqual([
        ['created', 'sign-in', undefined],
        ['revoked', 'rest', undefined],
      ]);
      expect(history[1]).toMatchObject({ tags: context.tags, idempotencyKey: context.idempotencyKey });
    });

    it('is refused where it cannot be kept', async () => {
      const { id } = await trial.signIn();
      const bad: object[] = [
        { idempotencyKey: '' },
        { idempotencyKey: 'x'.repeat(129) },
        { idempotencyKey: 'line\nbreak' },
        { tags: Array.from({ length: 11 }, (_, n) => `tag ${n}`) },
        { tags: ['x'.repeat(65)] },
        { tags: [''] },
        { tags: [7] },
        { tags: 'tag' },
      ];
      for (const context of bad) {
        const rename = async () => trial.store.rename(everywhere, id, 'x', { ...note, ...context });
        const code = await rename().catch((error: unknown) => (error as { readonly code?: unknown }).code);
        expect(code).toBe('VALIDATION_FAILED');
      }
      expect((await historyOf(id)).length).toBe(1);
    });
  });

  describe('an erasure', () => {
    it('strips what has ended of the user, and nothing that lives or is somebody else’s', async () => {
      const { store } = trial;
      if (!erasesUsers(store)) return;
      const facts = { ...someone(), deviceId: 'canary' };
      const told = { reason: 'canary', by: facts.userId, tags: ['canary'], ip: '192.0.2.9' };
      const sign = { facts, deviceName: 'canary', userAgent: 'canary', ip: '192.0.2.9', data: { canary: 1 } };
      const [ended, covered] = [await trial.signIn(sign), await trial.signIn(sign)];
      await trial.store.replaceData({ id: ended.id, fromVersion: 0, data: { canary: 2 }, keys: ['canary'] }, told);
      await trial.store.end(everywhere, ended.id, 'signed_out', told);
      await trial.store.cutOff(facts, told);
      const live = await trial.signIn(sign);
      const stranger = await trial.signIn({ ...sign, facts: { ...facts, tenantId: `${facts.tenantId}-other` } });
      const erasure = { tenantId: facts.tenantId, userId: facts.userId, pseudonym: 'nobody' };
      for (let steps = 0; !(await store.erasePage(erasure, note)).isDone; steps += 1) expect(steps < 10).toBe(true);
      for (const { id } of [ended, covered]) {
        const erased = await trial.read(id);
        expect(erased).toMatchObject({
          userId: 'nobody',
          endReason: 'erased',
          data: {},
          initialIp: null,
          lastIp: null,
        });
        const history = await historyOf(id);
        expect(history.at(-1)).toMatchObject({ type: 'erased', version: erased.version, actor: note.by });
        for (const trace of ['canary', '192.0.2.9', facts.userId]) {
          expect(JSON.stringify([{ ...erased, rotationSalt: '' }, history]).includes(trace)).toBe(false);
        }
      }
      expect(await trial.read(live.id)).toEqual(live);
      expect(await trial.read(stranger.id)).toEqual(stranger);
      for (const { id } of [live, stranger]) expect((await historyOf(id))[0]).toMatchObject({ ip: '192.0.2.9' });
      expect(await store.erasePage(erasure, note)).toEqual({ sessions: [], entries: 0, isDone: true });
    });
  });
};
