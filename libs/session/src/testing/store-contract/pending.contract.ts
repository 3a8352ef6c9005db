import type { Approvers } from '../../core/pending.js';
import type { SessionRecord } from '../../core/session.js';
import type { Activation, PendingAdmission } from '../../store/session-activation.js';
import { activationOf } from '../activation-of.js';
import { type AdmissionOverrides, admissionOf, randomDigest } from '../session-builder.js';
import { atMost, type ContractPart, everywhere, hex, idsOf, note, someone } from './store-trial.js';

const HOUR_MS = 3_600_000;

const waitingFor = (...names: readonly (string | [string, Approvers])[]): PendingAdmission => ({
  requirements: names.map((name) =>
    typeof name === 'string' ? { name, approvers: null } : { name: name[0], approvers: name[1] },
  ),
  roles: ['staff'],
  timeLimitMs: 60_000,
  most: 5,
});

/** Sign-ins that wait for more than the credentials. */
export const pendingContract: ContractPart = (trial, { describe, it, expect }) => {
  const signIn = (overrides: AdmissionOverrides = {}) =>
    trial.signIn({ pending: waitingFor('second_factor'), ...overrides });
  const meet = (id: string, requirement: string, by: string | null = null, isApproval = false) =>
    trial.store.meet(everywhere, { id, requirement, by, isApproval });
  const activate = (session: SessionRecord, overrides: Partial<Activation> = {}) =>
    trial.store.activate(activationOf(session, overrides), note);
  const typesOf = async (id: string) =>
    ((await trial.store.history(everywhere, id, { limit: 10, after: null })) ?? []).map(({ type }) => type);

  describe('a sign-in that waits', () => {
    it('makes a pending session that keeps what it waits for, and for no longer than it may', async () => {
      const mode = { mode: 'all', of: ['bob', 'eve'] } as const;
      const session = await signIn({ pending: waitingFor('second_factor', ['four_eyes', mode]), idleTimeoutMs: 10 });
      expect(session).toMatchObject({ status: 'pending', version: 1, idleTimeoutMs: 60_000 });
      expect(session.expiresAt).toBe(session.createdAt + 60_000);
      expect(session.pending).toEqual({
        requirements: [
          { name: 'second_factor', approvers: null, met: [] },
          { name: 'four_eyes', approvers: mode, met: [] },
        ],
        roles: ['staff'],
      });
      expect(await trial.read(session.id)).toEqual(session);
    });

    it('ends nobody and is not counted: a password alone puts nobody out [row 34]', async () => {
      const facts = someone();
      for (const whenFull of ['evict-oldest', 'evict-all', 'reject', 'ask'] as const) {
        const policy = atMost(1, whenFull);
        const user = { ...facts, userId: `${facts.userId}-${whenFull}` };
        const old = await trial.signIn({ facts: user, policy });
        const outcome = await trial.admit({ facts: user, policy, pending: waitingFor('second_factor') });
        expect(outcome).toMatchObject({ evicted: [], ended: [] });
        expect(await trial.statusOf(old, outcome.session)).toEqual(['active', 'pending']);
        await trial.store.end(everywhere, old.id, 'signed_out', note);
        expect((await trial.store.admit(admissionOf({ facts: user, policy }))).kind).toBe('admitted');
        const filter = { scope: { kind: 'user', ...user }, status: 'live' } as const;
        expect(await trial.store.count({ ...filter, holdsSlot: true })).toBe(1);
        expect(await trial.store.count(filter)).toBe(2);
      }
    });

    it('leaves no more of a user than may wait: the oldest are superseded', async () => {
      const facts = someone();
      const pending = { ...waitingFor('second_factor'), most: 2 };
      const sessions = await trial.signInTimes(3, { facts, pending });
      const third = sessions.slice(2);
      const active = await trial.signIn({ facts });
      const last = await trial.admit({ facts, pending });
      expect(last).toMatchObject({ evicted: [], ended: [{ status: 'rejected', endReason: 'superseded' }] });
      expect(await trial.statusOf(...sessions, active, last.session)).toEqual([
        ...['rejected', 'rejected', 'pending', 'active', 'pending'],
      ]);
      await signIn({ facts: { ...facts, tenantId: 'another' } });
      expect(await trial.statusOf(...third, last.session)).toEqual(['pending', 'pending']);
    });

    it('takes the place of what the browser had before, as any sign-in', async () => {
      const old = await trial.signIn();
      const { session, ended } = await trial.admit({ replaces: old.id, pending: waitingFor('second_factor') });
      expect(idsOf(ended)).toEqual([old.id]);
      expect(await trial.statusOf(old, session)).toEqual(['signed_out', 'pending']);
    });

    it('is changed by nothing but its completion and its end', async () => {
      const { id, ...session } = await signIn();
      for (const to of ['active', 'suspended'] as const) {
        expect(await trial.store.changeStatus(everywhere, id, to, note)).toBe(undefined);
      }
      const rotation = { id, fromGeneration: 0, tokenDigest: randomDigest(), reauthenticated: true };
      expect(await trial.store.rotate(rotation, note)).toBe(undefined);
      expect(await trial.read(id)).toEqual({ id, ...session });
      for (const status of ['rejected', 'signed_out', 'revoked', 'expired'] as const) {
        const other = await signIn();
        expect(await trial.store.end(everywhere, other.id, status, note)).toMatchObject({ status, version: 2 });
      }
    });
  });

  describe('a requirement', () => {
    it('is met once, with who and when, in one version', async () => {
      const { id } = await signIn({ pending: waitingFor('second_factor', 'payment') });
      const outcome = await meet(id, 'payment', 'till');
      expect(outcome).toMatchObject({ kind: 'met', session: { version: 2, status: 'pending' } });
      const session = await trial.read(id);
      const [entry] = (await trial.store.history(everywhere, id, { limit: 1, after: null }))?.slice(-1) ?? [];
      expect(entry?.type).toBe('created');
      const [, logged] = (await trial.store.history(everywhere, id, { limit: 9, after: null })) ?? [];
      expect(logged).toMatchObject({ type: 'requirement_met', version: 2, reason: 'payment', actor: 'till' });
      expect(session.pending?.requirements[1]?.met).toEqual([{ by: 'till', at: logged?.at }]);
      expect(await meet(id, 'payment', 'till')).toMatchObject({ kind: 'unchanged', session: { version: 2 } });
      expect(await typesOf(id)).toEqual(['created', 'requirement_met']);
    });

    it('is met by those who are named, in their order where there is one', async () => {
      const of = ['bob', 'eve', 'joe'];
      const pending = waitingFor('plain', ...(['any', 'all', 'sequence'] as const).map(approving));
      function approving(mode: Approvers['mode']): [string, Approvers] {
        return [mode, { mode, of }];
      }
      const { id } = await signIn({ pending });
      const refused = (reason: string) => ({ kind: 'refused', reason });
      expect(await meet(id, 'nothing')).toEqual(refused('unknown_requirement'));
      expect(await meet(id, 'plain', 'bob', true)).toEqual(refused('takes_no_approval'));
      expect(await meet(id, 'any', 'bob')).toEqual(refused('needs_approval'));
      expect(await meet(id, 'any', 'mallory', true)).toEqual(refused('not_an_approver'));
      const namesake = { requirement: 'any', by: 'bob', isApproval: true, approverTenantId: 'elsewhere' };
      expect(await trial.store.meet(everywhere, { id, ...namesake })).toEqual(refused('not_an_approver'));
      expect(await meet(id, 'sequence', 'eve', true)).toEqual(refused('out_of_sequence'));
      expect(await trial.read(id)).toMatchObject({ version: 1 });
      for (const [name, ...approvers] of [
        ['any', 'eve'],
        ['all', 'joe', 'bob', 'eve'],
        ['sequence', ...of],
      ]) {
        for (const by of approvers) expect(await meet(id, name ?? '', by, true)).toMatchObject({ kind: 'met' });
      }
      expect(await meet(id, 'any', 'joe', true)).toMatchObject({ kind: 'unchanged' });
      expect((await activate(await trial.read(id))).kind).toBe('unchanged');
      await meet(id, 'plain');
      expect((await activate(await trial.read(id))).kind).toBe('activated');
    });

    it('raises the level, and never lowers it', async () => {
      const { id } = await signIn({ pending: waitingFor('a', 'b') });
      const raise = (requirement: string, assurance: 'aal1' | 'aal2') =>
        trial.store.meet(everywhere, { id, requirement, by: null, isApproval: false, assurance });
      expect(await raise('a', 'aal2')).toMatchObject({ session: { assurance: 'aal2' } });
      expect(await raise('b', 'aal1')).toMatchObject({ session: { assurance: 'aal2' } });
    });

    it('is nobody’s to meet of a session that is active, over, past its time or out of scope [row 42]', async () => {
      const active = await trial.signIn();
      const rejected = await signIn();
      await trial.store.end(everywhere, rejected.id, 'rejected', note);
      const other = await signIn();
      const runOut = await trial.signInAndRunOut('absolute', { pending: waitingFor('second_factor') });
      for (const { id } of [active, rejected, runOut]) expect(await meet(id, 'second_factor')).toBe(undefined);
      const meeting = { id: other.id, requirement: 'second_factor', by: null, isApproval: false };
      expect(await trial.store.meet({ kind: 'tenant', tenantId: 'x' }, meeting)).toBe(undefined);
    });
  });

  describe('a completion', () => {
    const ready = async (overrides: AdmissionOverrides = {}): Promise<SessionRecord> => {
      const { id } = await signIn(overrides);
      await meet(id, 'second_factor');
      return trial.read(id);
    };

    it('makes the session active with a new token, and begins its lifetimes', async () => {
      const before = await ready({ userAgent: 'Agent/1.0' });
      await trial.pass(3);
      const activation = activationOf(before);
      const outcome = await trial.store.activate(activation, note);
      if (outcome.kind !== 'activated') throw new Error(outcome.kind);
      const { session } = outcome;
      expect(outcome).toMatchObject({ evicted: [], ended: [] });
      expect(session).toMatchObject({
        status: 'active',
        version: 3,
        pending: null,
        tokenGeneration: 1,
        previous: null,
      });
      expect(hex(session.tokenDigest)).toBe(hex(activation.completes?.tokenDigest ?? new Uint8Array()));
      expect(session.rotationSalt === before.rotationSalt).toBe(false);
      const { authenticatedAt: at } = session;
      expect(at).toBeGreaterThanOrEqual(before.authenticatedAt + 3);
      expect(session).toMatchObject({ lastAccessedAt: at, rotatedAt: at, expiresAt: at + 24 * HOUR_MS });
      expect(session).toMatchObject({ idleTimeoutMs: HOUR_MS, createdAt: before.createdAt, userAgent: 'Agent/1.0' });
      expect(await trial.read(session.id)).toEqual(session);
      expect(await typesOf(session.id)).toEqual(['created', 'requirement_met', 'activated']);
    });

    it('is decided by the policy, as a sign-in is [row 39]', async () => {
      const facts = someone();
      const old = await trial.signIn({ facts });
      const session = await ready({ facts });
      const rejected = await activate(session, { policy: atMost(1, 'reject') });
      expect(rejected).toMatchObject({ kind: 'rejected', full: [{ id: old.id }], ended: [] });
      expect(await trial.read(session.id)).toEqual(session);
      const outcome = await activate(session, { policy: atMost(1, 'evict-oldest') });
      expect(outcome).toMatchObject({ kind: 'activated', evicted: [{ id: old.id, endReason: 'limit_reached' }] });
      expect((await trial.store.admit(admissionOf({ facts, policy: atMost(1, 'reject') }))).kind).toBe('rejected');
    });

    it('asks where the policy asks, and takes the answer once', async () => {
      const facts = someone();
      const old = await trial.signIn({ facts });
      const session = await ready({ facts });
      const policy = atMost(1, 'ask');
      const question = { ticketDigest: randomDigest(), lifetimeMs: HOUR_MS };
      expect(await activate(session, { policy, question: null })).toMatchObject({ kind: 'rejected' });
      expect(await activate(session, { policy, question })).toMatchObject({ kind: 'asked', mustEnd: 1 });
      const answer = { ticketDigest: question.ticketDigest, end: [old.id] };
      const outcome = await activate(session, { policy, answer });
      expect(outcome).toMatchObject({ kind: 'activated', evicted: [{ id: old.id }] });
    });

    it('happens once: not of what is active, over, past its time, out of scope or rotated meanwhile', async () => {
      const session = await ready();
      const foreign = { scope: { kind: 'tenant', tenantId: 'x' } } as const;
      expect((await activate(session, foreign)).kind).toBe('unchanged');
      const stale = { completes: { fromGeneration: 7, tokenDigest: randomDigest() } };
      expect((await activate(session, stale)).kind).toBe('unchanged');
      expect((await activate(session, { completes: null })).kind).toBe('unchanged');
      expect((await activate(session)).kind).toBe('activated');
      expect((await activate(session)).kind).toBe('unchanged');
      const rejected = await ready();
      await trial.store.end(everywhere, rejected.id, 'rejected', note);
      expect((await activate(rejected)).kind).toBe('unchanged');
      const runOut = await trial.signInAndRunOut('absolute', { pending: waitingFor() });
      const outcome = await activate(runOut);
      expect(outcome).toMatchObject({ kind: 'unchanged', ended: [{ id: runOut.id, status: 'expired' }] });
    });

    it('keeps the limit where completions, resumptions and sign-ins come at once [row 34]', async () => {
      const facts = someone();
      const policy = atMost(2, 'evict-oldest');
      const waiting: SessionRecord[] = [];
      for (let n = 0; n < 4; n += 1)
        waiting.push(await ready({ facts, pending: { ...waitingFor('second_factor'), most: 9 } }));
      const asleep = await trial.signInTimes(3, { facts });
      for (const { id } of asleep) await trial.store.changeStatus(everywhere, id, 'suspended', note, true);
      await Promise.all([
        ...waiting.map((session) => activate(session, { policy })),
        ...asleep.map((session) => activate(session, { policy, completes: null })),
        ...waiting.map(() => trial.store.admit(admissionOf({ facts, policy }))),
      ]);
      const filter = { scope: { kind: 'user', ...facts }, status: 'live' } as const;
      expect(await trial.store.count({ ...filter, holdsSlot: true })).toBe(2);
      expect(await trial.store.count(filter)).toBe(2);
    });
  });

  describe('a suspended session that has given its slot up', () => {
    const asleep = async (overrides: AdmissionOverrides = {}): Promise<SessionRecord> => {
      const { id } = await trial.signIn(overrides);
      const session = await trial.store.changeStatus(everywhere, id, 'suspended', note, true);
      if (session === undefined) throw new Error('It was not suspended.');
      return session;
    };

    it('is not counted and not evicted, and can be ended', async () => {
      const facts = someone();
      const session = await asleep({ facts });
      const outcome = await trial.admit({ facts, policy: atMost(1, 'evict-all') });
      expect(outcome.evicted).toEqual([]);
      expect(await trial.store.changeStatus(everywhere, session.id, 'active', note)).toBe(undefined);
      expect(await trial.store.end(everywhere, session.id, 'revoked', note)).toMatchObject({ status: 'revoked' });
    });

    it('comes back by the policy alone, with its token and limits as they were', async () => {
      const facts = someone();
      const session = await asleep({ facts });
      const other = await trial.signIn({ facts });
      const completes = null;
      expect(await activate(session, { completes, policy: atMost(1, 'reject') })).toMatchObject({ kind: 'rejected' });
      expect(await trial.statusOf(session, other)).toEqual(['suspended', 'active']);
      const outcome = await activate(session, { completes, policy: atMost(1, 'evict-oldest') });
      expect(outcome).toMatchObject({ kind: 'activated', evicted: [{ id: other.id }] });
      expect(await trial.read(session.id)).toEqual({ ...session, status: 'active', version: 3 });
      expect((await trial.store.admit(admissionOf({ facts, policy: atMost(1, 'reject') }))).kind).toBe('rejected');
    });

    it('asks no policy where it has kept its slot', async () => {
      const facts = someone();
      const session = await trial.signIn({ facts });
      await trial.store.changeStatus(everywhere, session.id, 'suspended', note);
      await trial.signIn({ facts });
      const outcome = await activate(session, { completes: null, policy: atMost(1, 'reject') });
      expect(outcome).toMatchObject({ kind: 'activated', evicted: [] });
    });

    it('does not come back past its time [row 23]', async () => {
      const { id } = await trial.signInAndRunOut('idle');
      await trial.store.changeStatus(everywhere, id, 'suspended', note, true);
      expect((await activate(await trial.read(id), { completes: null })).kind).toBe('unchanged');
    });
  });

  describe('a suspended session', () => {
    it('is neither renamed nor rotated until it is resumed', async () => {
      const { id } = await trial.signIn();
      const session = await trial.store.changeStatus(everywhere, id, 'suspended', note);
      const rotation = { id, fromGeneration: 0, tokenDigest: randomDigest(), reauthenticated: true };
      expect(await trial.store.rename(everywhere, id, 'phone', note)).toBe(undefined);
      expect(await trial.store.rotate(rotation, note)).toBe(undefined);
      expect(await trial.read(id)).toEqual(session);
    });
  });
};
