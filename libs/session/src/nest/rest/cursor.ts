import { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';
import { isSessionId } from '../../core/token.js';
import type { Page } from '../../store/session-store.js';
import type { SessionIds } from '../session/session-ids.js';

/** Beyond what a Date can say nothing was created. */
const LATEST_MS = 8.64e15;

/** How a search may be ordered. */
export const SORTS = ['createdAt', '-createdAt', 'lastAccessedAt', '-lastAccessedAt'] as const;

export type Sort = (typeof SORTS)[number];

const SEARCH_CURSOR = z.strictObject({
  s: z.enum(SORTS),
  t: z.number().min(0).max(LATEST_MS),
  i: z.string(),
});

const JOB_CURSOR = z.strictObject({ j: z.number().min(0).max(LATEST_MS), i: z.uuid() });

/** Up to eighteen digits, which the log's numbers do not exceed in the lifetime of a database. */
const HISTORY_CURSOR = z.strictObject({ e: z.string().regex(/^[0-9]{1,18}$/) });

/**
 * Where the next page of a search begins, as the client hands it back: it says nothing that the page did not, and it is
 * good for the order that it was made in alone. Of another search it only says where to begin, within the same rights.
 */
export function encodeCursor(sort: Sort, last: NonNullable<Page['after']>, ids: SessionIds): string {
  const t =
    'lastAccessedAt' in last && isByAccess(sort) ? last.lastAccessedAt : (last as { createdAt: number }).createdAt;
  return encode({ s: sort, t, i: ids.encode(last.id) });
}

/** @throws IdentitySessionError `VALIDATION_FAILED` for anything that `encodeCursor` did not make for this order */
export function pageOf(sort: Sort, limit: number, cursor: string | undefined, ids: SessionIds): Page {
  const descending = sort.startsWith('-');
  const last = cursor === undefined ? null : decode(SEARCH_CURSOR, cursor);
  const id = last === null ? '' : ids.decode(last.i);
  if (last !== null && (last.s !== sort || !isSessionId(id))) throw invalid();
  return isByAccess(sort)
    ? { sort: 'lastAccessedAt', limit, descending, after: last && { lastAccessedAt: last.t, id } }
    : { sort: 'createdAt', limit, descending, after: last && { createdAt: last.t, id } };
}

/** Where the next page of a history begins. */
export function encodeHistoryCursor(lastId: string): string {
  return encode({ e: lastId });
}

/** @throws IdentitySessionError `VALIDATION_FAILED` for anything that `encodeHistoryCursor` did not make */
export function decodeHistoryCursor(cursor: string | undefined): string | null {
  return cursor === undefined ? null : decode(HISTORY_CURSOR, cursor).e;
}

/** Where the next page of jobs begins. */
export function encodeJobCursor({ createdAt, id }: { readonly createdAt: Date; readonly id: string }): string {
  return encode({ j: createdAt.getTime(), i: id });
}

/** @throws IdentitySessionError `VALIDATION_FAILED` for anything that `encodeJobCursor` did not make */
export function decodeJobCursor(cursor: string | undefined): { createdAt: number; id: string } | null {
  if (cursor === undefined) return null;
  const { j: createdAt, i: id } = decode(JOB_CURSOR, cursor);
  return { createdAt, id };
}

function isByAccess(sort: Sort): boolean {
  return sort === 'lastAccessedAt' || sort === '-lastAccessedAt';
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode<T>(schema: z.ZodType<T>, text: string): T {
  const parsed = schema.safeParse(parseJson(Buffer.from(text, 'base64url').toString()));
  if (parsed.success) return parsed.data;
  throw invalid();
}

function invalid(): IdentitySessionError {
  return new IdentitySessionError(
    'VALIDATION_FAILED',
    'The cursor is not one of ours for this list; begin without it.',
    {
      errors: [{ field: 'cursor', message: 'is not valid' }],
    },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
