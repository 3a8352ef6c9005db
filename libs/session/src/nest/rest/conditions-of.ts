import type { z } from 'zod';
import type { JobFilter } from '../../store/session-jobs.js';
import { withoutUndefined } from './defined.js';
import type { REVOKE_MATCHING } from './session-queries.js';

/** Which sessions a body means, behind `NamedSessionsPipe`. */
export function conditionsOf({
  filter,
  except,
}: Pick<z.output<typeof REVOKE_MATCHING>, 'filter' | 'except'>): Omit<JobFilter, 'includeProtected'> {
  return { ...withoutUndefined(filter), ...(except === undefined ? {} : { exceptIds: except }) };
}
