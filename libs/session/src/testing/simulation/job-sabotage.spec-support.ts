import type { SessionJobStore, StoredJob } from '../../store/session-jobs.js';
import type { Sabotage } from './sabotage-parts.spec-support.js';

/** Takes a page whose answer was lost for done, and goes on. */
function goingOn(jobs: SessionJobStore): SessionJobStore {
  let latest: StoredJob | undefined;
  return {
    ...bound(jobs),
    claimJob: async (claim) => (latest = await jobs.claimJob(claim)),
    stepJob: async (step) => {
      const progress = await jobs.stepJob(step).catch(() => latest && { job: latest, versions: [] });
      latest = progress?.job;
      return progress;
    },
  };
}

/** What somebody is at is theirs for ever. */
function neverTakingOver(jobs: SessionJobStore): SessionJobStore {
  return {
    ...bound(jobs),
    claimJob: (claim) => jobs.claimJob({ ...claim, takeOverAfterMs: Number.POSITIVE_INFINITY }),
  };
}

function bound(jobs: SessionJobStore): SessionJobStore {
  return new Proxy(jobs, {
    get: (target, name) => (Reflect.get(target, name) as (...given: unknown[]) => unknown).bind(target),
    ownKeys: (target) => Reflect.ownKeys(Object.getPrototypeOf(target) as object),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  });
}

const WEIGHTS = { 'start a job': 20, 'sign in': 20 } as const;

/** What keeps jobs, each switched off alone. */
export const JOB_SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'a page whose answer was lost': { parts: { jobs: goingOn }, weights: { ...WEIGHTS, 'cut the store': 20 } },
  'taking over what somebody has left': { parts: { jobs: neverTakingOver }, weights: { ...WEIGHTS, crash: 12 } },
};
