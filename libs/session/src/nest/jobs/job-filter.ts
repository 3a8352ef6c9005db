import { IdentitySessionError } from '../../core/errors.js';
import { isSessionId } from '../../core/token.js';
import type { JobFilter } from '../../store/session-jobs.js';
import { isStorableText } from '../../store/storable-text.js';
import type { SessionSearch } from '../admin/session-search.js';

const LISTS = ['ids', 'exceptIds'];

/**
 * What of a search a job keeps: it outlives whoever asked, so what the database would choke on is refused here.
 * @throws IdentitySessionError `VALIDATION_FAILED`
 */
export function storableFilter({
  scope: _scope,
  afterId: _after,
  createdUntil: _until,
  protectedWithin: _within,
  ...search
}: SessionSearch): JobFilter {
  const given = Object.entries<unknown>(search).filter(([, value]) => value !== undefined);
  for (const [field, value] of given) {
    const isFit =
      value === null ||
      (typeof value === 'string' && isStorableText(value)) ||
      value === true ||
      (LISTS.includes(field) && Array.isArray(value) && value.every((id) => typeof id === 'string' && isSessionId(id)));
    if (!isFit) {
      throw new IdentitySessionError('VALIDATION_FAILED', `The filter's ${field} cannot be stored.`, {
        errors: [{ field: `filter.${field}`, message: 'is not storable' }],
      });
    }
  }
  return Object.fromEntries(given);
}
