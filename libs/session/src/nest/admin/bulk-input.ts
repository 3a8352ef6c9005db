import type { SessionSearch } from './session-search.js';
import type { EndInput } from './state-changes.js';

/** A bulk end, or what one would do. */
export interface BulkInput extends EndInput {
  readonly filter: SessionSearch;
  /** Changes nothing: tells how many it would end. */
  readonly dryRun?: boolean;
  /** Ends no more than this many, the first by id. Default: all. */
  readonly max?: number;
}

/** What a bulk end has done. */
export interface BulkResult {
  /** Sessions that matched and could be ended when they were looked at. */
  readonly matched: number;
  /** Those that this call has ended; what somebody else ended meanwhile is not among them. */
  readonly revoked: number;
  /** True where matching ones are left. */
  readonly more: boolean;
}
