import { randomUUID } from 'node:crypto';
import type { SessionRecord } from '../../core/session.js';
import { reachOf } from '../../store/scope-reach.js';
import {
  type JobReach,
  type JobStep,
  keepsJobs,
  type NewJob,
  NOT_APPROVED,
  type SessionJobStore,
  type StoredJob,
} from '../../store/session-jobs.js';
import type { SessionScope } from '../../store/session-store.js';
import { type ContractPart, everywhere, idsOf, note, someone, sortedIdsOf } from './store-trial.js';

const NODE = 'test-node';
const HOUR_MS = 3_600_000;

/** Work on many sessions that outlives the node that began it. */
export const jobsContract: ContractPart = (trial, { describe, it, expect }) => {
  const jobs = (): SessionJobStore => {
    if (!keepsJobs(trial.store)) throw new Error('The store keeps no jobs.');
    return trial.store.jobs;
  };
  const ask = (job: Partial<NewJob> & Pick<NewJob, 'filter'>): Promise<StoredJob> =>
    jobs().createJob({
      ...{ id: randomUUID(), kind: 'revoke', scope: everywhere, reason: note.reason, askedBy: note.by },
      ...{ max: null, matched: 0, needsApproval: false },
      ...job,
    });
  const step = (asked: Omit<JobStep, 'freesSlot'>, freesSlot = false) => jobs().stepJob({ ...asked, freesSlot });
  const ids = (filter: NewJob['filter']) => trial.store.listIds({ scope: everywhere, ...filter }, 100);
  /** Claims the job; what other tests have left over is cancelled on the way. */
  const claimOf = async ({ id }: Pick<StoredJob, 'id'>, takeOverAfterMs = HOUR_MS): Promise<string> => {
    for (;;) {
      const claim = randomUUID();
      const job = await jobs().claimJob({ claim, node: NODE, takeOverAfterMs });
      if (job?.id === id) return claim;
      if (job === undefined) throw new Error('There is nothing to claim.');
      await jobs().cancelJob(job.id, null);
    }
  };

  describe('a job', () => {
    it('is kept as it was asked, once, however often the same is asked', async () => {
      const { tenantId } = someone();
      const scope: SessionScope = { kind: 'tenant', tenantId };
      const asked = { id: randomUUID(), filter: { tenantId, exceptIds: [randomUUID()] }, scope, max: 7, matched: 9 };
      const job = await ask(asked);
      expect(await ask({ ...asked, max: 8 })).toEqual(job);
      expect(await jobs().findJob(job.id)).toEqual(job);
      expect(job).toMatchObject({ ...asked, kind: 'revoke', status: 'running', askedBy: note.by, reason: note.reason });
      expect(job).toMatchObject({
        changed: 0,
        skipped: 0,
        lastId: null,
        startedAt: null,
        finishedAt: null,
        error: null,
      });
      expect(await jobs().findJob(randomUUID())).toBe(undefined);
      await jobs().cancelJob(job.id, null);
    });

    it('ends what matches page by page, with its reason and who asked, and counts it', async () => {
      const { tenantId, userId } = someone();
      const sessions = await trial.signInTimes(5, { facts: { tenantId, userId } });
      const stranger = await trial.signIn();
      const job = await ask({ filter: { tenantId } });
      const claim = await claimOf(job);
      const all = sortedIdsOf(sessions);
      await trial.store.end(everywhere, given(all[1]), 'signed_out', note);
      const first = await step({ id: job.id, claim, ids: all.slice(0, 3) });
      expect(first?.job).toMatchObject({ changed: 2, skipped: 1, lastId: all[2], status: 'running', node: NODE });
      expect(first?.versions.map(({ id }) => id).sort()).toEqual([all[0], all[2]]);
      // Whatever it is given, it is the job's filter that decides.
      const second = await step({ id: job.id, claim, ids: [...all.slice(3), stranger.id].sort() });
      expect(second?.job).toMatchObject({ changed: 4, skipped: 2 });
      expect(second?.versions.length).toBe(2);
      const done = await jobs().finishJob(job.id, claim, null);
      expect(done).toMatchObject({ status: 'done', error: null, heartbeatAt: null });
      expect(done?.finishedAt ?? 0).toBeGreaterThanOrEqual(done?.startedAt ?? Infinity);
      expect(await trial.statusOf(stranger)).toEqual(['active']);
      for (const id of [given(all[0]), given(all[4])]) {
        expect(await trial.read(id)).toMatchObject({ status: 'revoked', version: 2, endReason: note.reason });
      }
    });

    it('spares protected sessions, but for those that it was asked to include', async () => {
      const { tenantId, userId } = someone();
      const ordinary = await trial.signIn({ facts: { tenantId, userId } });
      const guarded = await trial.signIn({ facts: { tenantId, userId }, isProtected: true });
      const other = await trial.signIn({ facts: { tenantId, userId: 'other' }, isProtected: true });
      const all = sortedIdsOf([ordinary, guarded, other]);
      for (const kind of ['suspend', 'revoke'] as const) {
        const job = await ask({ kind, filter: { tenantId } });
        const done = await step({ id: job.id, claim: await claimOf(job), ids: all });
        expect(done?.versions.map(({ id }) => id)).toEqual([ordinary.id]);
        expect(done?.job).toMatchObject({ changed: 1, skipped: 2 });
        await jobs().cancelJob(job.id, null);
      }
      const includeProtected = { kind: 'user', tenantId, userId } as const;
      const job = await ask({ filter: { tenantId, includeProtected } });
      expect(job.filter).toEqual({ tenantId, includeProtected });
      await step({ id: job.id, claim: await claimOf(job), ids: all });
      expect(await trial.statusOf(guarded, other)).toEqual(['revoked', 'active']);
      await jobs().cancelJob(job.id, null);
    });

    it('leaves alone what began after it was asked', async () => {
      const facts = someone();
      const before = await trial.signIn({ facts });
      await trial.pass(2);
      const job = await ask({ filter: { userId: facts.userId } });
      await trial.pass(2);
      const after = await trial.signIn({ facts });
      const claim = await claimOf(job);
      await step({ id: job.id, claim, ids: [before.id, after.id].sort() });
      expect(await trial.statusOf(before, after)).toEqual(['revoked', 'active']);
      await jobs().finishJob(job.id, claim, null);
    });

    it('reaches nothing beyond the right that it was asked with', async () => {
      const [own, other] = [await trial.signIn({ facts: someone() }), await trial.signIn({ facts: someone() })];
      const scope: SessionScope = { kind: 'tenant', tenantId: own.tenantId ?? '' };
      const job = await ask({ filter: { deviceType: own.deviceType }, scope });
      const claim = await claimOf(job);
      const page = await step({ id: job.id, claim, ids: sortedIdsOf([own, other]) });
      expect(page?.job).toMatchObject({ changed: 1, skipped: 1 });
      expect(await trial.statusOf(own, other)).toEqual(['revoked', 'active']);
      await jobs().finishJob(job.id, claim, null);
    });

    it('changes no more than its bound', async () => {
      const { tenantId, userId } = someone();
      const sessions = await trial.signInTimes(4, { facts: { tenantId, userId } });
      const job = await ask({ filter: { tenantId }, max: 3 });
      const claim = await claimOf(job);
      const page = await step({ id: job.id, claim, ids: sortedIdsOf(sessions) });
      expect(page?.job).toMatchObject({ changed: 3, skipped: 0 });
      expect(await trial.liveOf({ tenantId, userId })).toBe(1);
      await jobs().finishJob(job.id, claim, null);
    });

    it('suspends what is active, and passes over what is not', async () => {
      const facts = someone();
      const [active, frozen, gone] = await trial.signInTimes(3, { facts });
      await trial.store.changeStatus(everywhere, given(frozen).id, 'suspended', note);
      await trial.store.end(everywhere, given(gone).id, 'signed_out', note);
      const job = await ask({ kind: 'suspend', filter: { userId: facts.userId } });
      const claim = await claimOf(job);
      const listed = await ids(job.filter);
      const page = await step({ id: job.id, claim, ids: listed });
      expect(page).toMatchObject({ job: { changed: 1, skipped: 2 }, versions: [{ id: given(active).id, version: 2 }] });
      expect(await trial.statusOf(given(active), given(frozen), given(gone))).toEqual([
        'suspended',
        'suspended',
        'signed_out',
      ]);
      const history = await trial.store.history(everywhere, given(active).id, { limit: 10, after: null });
      expect(history?.at(-1)).toMatchObject({ type: 'suspended', reason: note.reason, actor: note.by, version: 2 });
      await jobs().finishJob(job.id, claim, null);
    });
  });

  it('frees the slots of what a job suspends, where that is asked', async () => {
    const { tenantId, userId } = someone();
    const sessions = await trial.signInTimes(2, { facts: { tenantId, userId } });
    const job = await ask({ kind: 'suspend', filter: { tenantId } });
    const claim = await claimOf(job);
    const [kept, freed] = sortedIdsOf(sessions);
    await step({ id: job.id, claim, ids: [given(kept)] });
    await step({ id: job.id, claim, ids: [given(freed)] }, true);
    expect(await trial.store.listIds({ scope: everywhere, tenantId, holdsSlot: true }, 9)).toEqual([kept]);
    await jobs().finishJob(job.id, claim, null);
  });

  describe('whoever works on a job', () => {
    const twoSessions = async (): Promise<{ sessions: SessionRecord[]; job: StoredJob }> => {
      const { tenantId, userId } = someone();
      const sessions = await trial.signInTimes(2, { facts: { tenantId, userId } });
      return { sessions, job: await ask({ filter: { tenantId } }) };
    };

    it('has it alone, for as long as it gives a sign of life', async () => {
      const { job } = await twoSessions();
      const claim = await claimOf(job);
      const other = await jobs().claimJob({ claim: randomUUID(), node: 'other', takeOverAfterMs: HOUR_MS });
      expect(other?.id).not.toBe(job.id);
      expect(await jobs().beatJob(job.id, claim)).toBe(true);
      expect(await jobs().beatJob(job.id, randomUUID())).toBe(false);
      await jobs().cancelJob(job.id, null);
      expect(await jobs().beatJob(job.id, claim)).toBe(false);
    });

    it('changes and counts nothing any more once another has taken it over', async () => {
      const { sessions, job } = await twoSessions();
      const [first, second] = sortedIdsOf(sessions);
      const old = await claimOf(job);
      await step({ id: job.id, claim: old, ids: [given(first)] });
      await trial.pass(5);
      const claim = await claimOf(job, 1);
      expect(await step({ id: job.id, claim: old, ids: [given(second)] })).toBe(undefined);
      expect(await jobs().finishJob(job.id, old, null)).toBe(undefined);
      await jobs().releaseJob(job.id, old);
      expect((await trial.read(given(second))).status).toBe('active');
      const page = await step({ id: job.id, claim, ids: [given(second)] });
      expect(page?.job).toMatchObject({ changed: 2, skipped: 0, attempts: 0 });
      await jobs().finishJob(job.id, claim, null);
    });

    it('counts how often it was begun without coming on', async () => {
      const { sessions, job } = await twoSessions();
      await claimOf(job);
      await trial.pass(5);
      const claim = await claimOf(job, 1);
      expect(await jobs().findJob(job.id)).toMatchObject({ attempts: 2 });
      await step({ id: job.id, claim, ids: idsOf(sessions).sort() });
      expect(await jobs().findJob(job.id)).toMatchObject({ attempts: 0 });
      expect(await jobs().finishJob(job.id, claim, 'broken')).toMatchObject({ status: 'failed', error: 'broken' });
    });

    it('may hand it back, and another goes on at once', async () => {
      const { job } = await twoSessions();
      const claim = await claimOf(job);
      await jobs().releaseJob(job.id, claim);
      expect(await jobs().findJob(job.id)).toMatchObject({ status: 'running', node: null, attempts: 0 });
      await claimOf(job);
      await jobs().cancelJob(job.id, null);
    });

    it('changes nothing once it is cancelled, which happens once', async () => {
      const { sessions, job } = await twoSessions();
      const claim = await claimOf(job);
      expect(await jobs().cancelJob(job.id, 'boss')).toMatchObject({ status: 'cancelled', cancelledBy: 'boss' });
      expect(await jobs().cancelJob(job.id, 'other')).toBe(undefined);
      expect(await step({ id: job.id, claim, ids: sortedIdsOf(sessions) })).toBe(undefined);
      expect(await trial.statusOf(...sessions)).toEqual(['active', 'active']);
    });
  });

  describe('approval', () => {
    it('is somebody else’s to give, once, and in time; nobody works before', async () => {
      const asked = { filter: { userId: someone().userId }, needsApproval: true };
      const job = await ask(asked);
      expect(job.status).toBe('awaiting_approval');
      const claimed = await jobs().claimJob({ claim: randomUUID(), node: NODE, takeOverAfterMs: HOUR_MS });
      expect(claimed?.id).not.toBe(job.id);
      expect(await jobs().approveJob(job.id, given(note.by), HOUR_MS)).toBe(undefined);
      const approved = await jobs().approveJob(job.id, 'somebody-else', HOUR_MS);
      expect(approved).toMatchObject({ status: 'running', approvedBy: 'somebody-else' });
      expect(approved?.approvedAt ?? 0).toBeGreaterThanOrEqual(job.createdAt);
      expect(await jobs().approveJob(job.id, 'a-third', HOUR_MS)).toBe(undefined);
      await jobs().cancelJob(job.id, null);
    });

    it('that comes too late is none, and what nobody approves is cancelled; what is over long enough is forgotten', async () => {
      const job = await ask({ filter: { userId: someone().userId }, needsApproval: true });
      await trial.pass(5);
      expect(await jobs().approveJob(job.id, 'somebody-else', 1)).toBe(undefined);
      await jobs().tidyJobs({ approvalWithinMs: HOUR_MS, retentionMs: HOUR_MS });
      expect((await jobs().findJob(job.id))?.status).toBe('awaiting_approval');
      await jobs().tidyJobs({ approvalWithinMs: 1, retentionMs: HOUR_MS });
      expect(await jobs().findJob(job.id)).toMatchObject({ status: 'cancelled', error: NOT_APPROVED });
      await trial.pass(5);
      await jobs().tidyJobs({ approvalWithinMs: 1, retentionMs: 1 });
      expect(await jobs().findJob(job.id)).toBe(undefined);
    });
  });

  describe('a list of jobs', () => {
    it('[row 44] has those that one could have asked for, newest first and page by page', async () => {
      const { tenantId, userId } = someone();
      const user = { kind: 'user', tenantId, userId } as const;
      const tenant = { kind: 'tenant', tenantId } as const;
      const scopes: SessionScope[] = [
        everywhere,
        tenant,
        user,
        { kind: 'users', users: [{ tenantId, userId }] },
        { kind: 'users', users: [{ tenantId, userId }, someone()] },
        { kind: 'users', users: [] },
        { kind: 'impersonator', tenantId, userId },
        { kind: 'any', of: [user, { kind: 'tenant', tenantId: `${tenantId}x` }] },
        // Put together it reads the same.
        { kind: 'user', tenantId: tenantId.slice(0, -1), userId: tenantId.slice(-1) + userId },
        { kind: 'user', tenantId: null, userId },
      ];
      const made: StoredJob[] = [];
      for (const scope of scopes) {
        made.push(await ask({ filter: { userId }, scope }));
        await trial.pass(2);
      }
      const seen = async (reach: JobReach): Promise<number[]> => {
        const found: number[] = [];
        let after: { createdAt: number; id: string } | null = null;
        for (;;) {
          const page: readonly StoredJob[] = await jobs().listJobs(reach, { limit: 4, after });
          found.push(...page.map(({ id }) => made.findIndex((job) => job.id === id)).filter((index) => index >= 0));
          after = page.at(-1) ?? null;
          if (after === null || page.length < 4) return found;
        }
      };
      const revoking = (right: SessionScope): Promise<number[]> => seen({ revoke: reachOf(right) });
      expect(await revoking(everywhere)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
      expect(await revoking(tenant)).toEqual([3, 2, 1]);
      expect(await revoking(user)).toEqual([3, 2]);
      expect(await revoking({ kind: 'impersonator', tenantId, userId })).toEqual([6]);
      expect(await revoking({ kind: 'any', of: [tenant, { kind: 'tenant', tenantId: `${tenantId}x` }] })).toEqual([
        7, 3, 2, 1,
      ]);
      expect(await revoking({ kind: 'users', users: [] })).toEqual([]);
      expect(await seen({ suspend: reachOf(everywhere) })).toEqual([]);
      expect(await seen({})).toEqual([]);
      for (const { id } of made) await jobs().cancelJob(id, null);
    });
  });
};

/** What a test has made and cannot be missing. */
function given<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('Something is missing that the test has made.');
  return value;
}
