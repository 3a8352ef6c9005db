import { z } from 'zod';
import { JOB_KINDS } from '../../store/session-jobs.js';
import { CURSOR, LIMIT, MATCHING } from './session-queries.js';

const MOST = 2 ** 31 - 1;

/** `POST /admin/jobs` */
export const START_JOB = z.strictObject({
  kind: z.enum(JOB_KINDS),
  ...MATCHING,
  dryRun: z.boolean().default(false),
  max: z.int().min(1).max(MOST).optional(),
});

/** `GET /admin/jobs` */
export const JOBS = z.strictObject({ limit: LIMIT, cursor: CURSOR });
