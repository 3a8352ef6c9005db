import type { z } from 'zod';
import type { JobFilter } from '../../store/session-jobs.js';
import type { SessionIds } from '../session/session-ids.js';
import { withoutUndefined } from './defined.js';
import type { REVOKE_MATCHING } from './session-queries.js';

type Asked = z.output<typeof REVOKE_MATCHING>;

/** Which sessions are meant, by the ids that they have inside. @throws IdentitySessionError `VALIDATION_FAILED` */
export function filterOf(
  { ids: named, ...conditions }: Asked['filter'],
  except: Asked['except'],
  ids: SessionIds,
): Omit<JobFilter, 'includeProtected'> {
  return {
    ...withoutUndefined(conditions),
    ...(named === undefined ? {} : { ids: ids.decodeAll(named, 'filter.ids') }),
    ...(except === undefined ? {} : { exceptIds: ids.decodeAll(except, 'except') }),
  };
}
