import type { ConcurrentLoginPolicy } from '../../core/policy.js';
import type { SessionFacts, SessionRecord } from '../../core/session.js';
import { type AdmissionOverrides, admissionOf, randomDigest } from '../session-builder.js';
import { atMost, type ContractPart, idsOf, someone } from './store-trial.js';

const policy = atMost(2, 'ask');

/** Where the policy asks which sessions shall end, and gets an answer. */
export const questionsContract: ContractPart = (trial, { describe, it, expect }) => {
  /** Two sessions that fill the scope, and the ticket of the question that a third sign-in was asked. */
  async function asked(
    facts: Partial<SessionFacts>,
    { lifetimeMs = 60_000 }: { readonly lifetimeMs?: number } = {},
  ): Promise<{ ticketDigest: Uint8Array; sessions: SessionRecord[] }> {
    const sessions = await trial.signInTimes(2, { facts, policy });
    const ticketDigest = randomDigest();
    const outcome = await trial.store.admit(admissionOf({ facts, policy, question: { ticketDigest, lifetimeMs } }));
    expect(outcome.kind).toBe('asked');
    return { ticketDigest, sessions };
  }

  const attempt = async (
    facts: Partial<SessionFacts>,
    ticketDigest: Uint8Array,
    end: readonly string[] = [],
    overrides: AdmissionOverrides = {},
  ): Promise<string> =>
    (await trial.store.admit(admissionOf({ facts, policy, answer: { ticketDigest, end }, ...overrides }))).kind;

  describe('a question', () => {
    it('tells who is there, oldest first, and how many must end, and changes nothing', async () => {
      const facts = someone();
      const three = await trial.signInTimes(3, { facts });
      const admission = admissionOf({ facts, policy });
      const outcome = await trial.store.admit(admission);
      expect(outcome).toMatchObject({ kind: 'asked', mustEnd: 2, ended: [] });
      expect(outcome.kind === 'asked' && idsOf(outcome.full)).toEqual(idsOf(three));
      expect(await trial.statusOf(...three)).toEqual(['active', 'active', 'active']);
      expect((await trial.store.findMany([admission.id])).records).toEqual([]);
    });

    it('is asked again where the same admission is tried again, and its ticket stays good', async () => {
      const facts = someone();
      await trial.signInTimes(2, { facts, policy });
      const admission = admissionOf({ facts, policy });
      for (let time = 0; time < 2; time++) expect((await trial.store.admit(admission)).kind).toBe('asked');
      expect(await attempt(facts, admission.question.ticketDigest)).toBe('admitted');
    });

    it('leaves no ticket behind where it was not needed', async () => {
      const facts = someone();
      const first = admissionOf({ facts, policy });
      await trial.store.admit(first);
      await trial.signIn({ facts, policy });
      expect(await attempt(facts, first.question.ticketDigest)).toBe('asked');
    });
  });

  describe('an answer', () => {
    it('ends the picked session in place of the oldest', async () => {
      const facts = someone();
      const { ticketDigest, sessions } = await asked(facts);
      const [oldest, picked] = sessions;
      const answer = { ticketDigest, end: [picked?.id ?? ''] };
      const { evicted } = await trial.admit({ facts, policy, answer });
      expect(idsOf(evicted)).toEqual([picked?.id]);
      expect(evicted[0]).toMatchObject({ status: 'evicted', endReason: 'limit_reached', endedBy: facts.userId });
      expect(await trial.read(oldest?.id ?? '')).toMatchObject({ status: 'active', version: 1 });
    });

    it('is completed by the oldest where it picks too few, and may pick more than needed', async () => {
      for (const count of [0, 2]) {
        const facts = someone();
        const { ticketDigest, sessions } = await asked(facts);
        const answer = { ticketDigest, end: idsOf(sessions.slice(0, count)).reverse() };
        const { evicted } = await trial.admit({ facts, policy, answer });
        expect(idsOf(evicted)).toEqual(idsOf(sessions.slice(0, Math.max(1, count))));
      }
    });

    it('ends nobody else: sessions of other users and unknown ones are not picked [row 42]', async () => {
      const facts = someone();
      const victim = await trial.signIn({ facts: { ...facts, userId: 'victim' } });
      const { ticketDigest, sessions } = await asked(facts);
      const answer = { ticketDigest, end: [victim.id, admissionOf().id] };
      const { evicted } = await trial.admit({ facts, policy, answer });
      expect(idsOf(evicted)).toEqual([sessions[0]?.id]);
      expect(await trial.read(victim.id)).toMatchObject({ status: 'active', version: 1 });
    });

    it('is good once', async () => {
      const facts = someone();
      const { ticketDigest } = await asked(facts);
      expect(await attempt(facts, ticketDigest)).toBe('admitted');
      expect(await attempt(facts, ticketDigest)).toBe('asked');
      expect(await trial.liveOf(facts)).toBe(2);
    });

    it('is good for one of two that come at the same time', async () => {
      const facts = someone();
      const { ticketDigest } = await asked(facts);
      const kinds = await Promise.all([attempt(facts, ticketDigest), attempt(facts, ticketDigest)]);
      expect(kinds.sort()).toEqual(['admitted', 'asked']);
      expect(await trial.liveOf(facts)).toBe(2);
    });

    it('is used up also where another limit turns the newcomer away', async () => {
      const facts = someone();
      const { ticketDigest } = await asked(facts);
      const strict: ConcurrentLoginPolicy = [...policy, { scope: 'client', limit: 1, whenFull: 'reject' }];
      expect(await attempt(facts, ticketDigest, [], { policy: strict })).toBe('rejected');
      expect(await attempt(facts, ticketDigest)).toBe('asked');
    });

    it('is no answer with a ticket that nobody was given', async () => {
      const facts = someone();
      const { sessions } = await asked(facts);
      expect(await attempt(facts, randomDigest(), idsOf(sessions))).toBe('asked');
      expect(await trial.statusOf(...sessions)).toEqual(['active', 'active']);
    });

    it("is no answer with another user's or tenant's ticket, which stays good for its owner", async () => {
      const owner = someone();
      const { ticketDigest } = await asked(owner);
      for (const facts of [
        { ...owner, userId: 'another' },
        { ...owner, tenantId: someone().tenantId },
      ]) {
        const { sessions } = await asked(facts);
        expect(await attempt(facts, ticketDigest, idsOf(sessions))).toBe('asked');
        expect(await trial.statusOf(...sessions)).toEqual(['active', 'active']);
      }
      expect(await attempt(owner, ticketDigest)).toBe('admitted');
    });

    it('is no answer once the time of its ticket is over', async () => {
      const facts = someone();
      const { ticketDigest } = await asked(facts, { lifetimeMs: 3 });
      await trial.pass(5);
      expect(await attempt(facts, ticketDigest)).toBe('asked');
    });

    it('is not needed where there is room by now, and its picks end nevertheless', async () => {
      const facts = someone();
      const { ticketDigest, sessions } = await asked(facts);
      const [first, second] = idsOf(sessions);
      await trial.store.end({ kind: 'user', ...facts }, first ?? '', 'signed_out', { reason: 'left', by: null });
      const { evicted } = await trial.admit({ facts, policy, answer: { ticketDigest, end: [second ?? ''] } });
      expect(idsOf(evicted)).toEqual([second]);
    });
  });
};
