import { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';
import type { ConnectionSearch } from '../../store/connection-store.js';
import { isStorableIdentifier, MAX_IDENTIFIER_LENGTH } from '../../store/storable-text.js';

/** Which connections to list, and which page of them. */
export interface ConnectionQuery {
  /** The name of a node. */
  readonly node?: string | undefined;
  /** `*` stands for any text and `?` for one character; an id without either is that id. */
  readonly idPattern?: string | undefined;
  /** 1 to 200. Default 50. */
  readonly limit?: number | undefined;
  /** What the page before gave as `nextCursor`. */
  readonly cursor?: string | undefined;
}

const MOST = 200;

const text = z
  .string()
  .refine(isStorableIdentifier, `must have 1 to ${MAX_IDENTIFIER_LENGTH} characters, without NUL or lone surrogates`)
  .optional();

const QUERY = z.strictObject({
  node: text,
  idPattern: text,
  limit: z.int().min(1).max(MOST).default(50),
  cursor: z
    .string()
    .refine((cursor) => isStorableIdentifier(idOf(cursor)), 'is not one of ours; begin without it')
    .optional(),
});

/** @throws IdentitySessionError `VALIDATION_FAILED` */
export function searchOf(query: ConnectionQuery): ConnectionSearch {
  const parsed = QUERY.safeParse(query);
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({ field: path.join('.'), message }));
    const list = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
    throw new IdentitySessionError('VALIDATION_FAILED', `Connections cannot be listed so: ${list}.`, { errors });
  }
  const { node, idPattern, limit, cursor } = parsed.data;
  return { node, idPattern, limit, after: cursor === undefined ? null : idOf(cursor) };
}

/** Where the page after that of `lastId` begins. It says nothing that the page did not. */
export function cursorAfter(lastId: string): string {
  return Buffer.from(lastId).toString('base64url');
}

function idOf(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString();
}
