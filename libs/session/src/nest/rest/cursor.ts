import { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';
import { isSessionId } from '../../core/token.js';
import type { Page } from '../../store/session-store.js';

/** Beyond what a Date can say nothing was created. */
const LATEST_MS = 8.64e15;

const CURSOR = z.strictObject({ c: z.number().min(0).max(LATEST_MS), i: z.string().refine(isSessionId) });

/** Where the next page begins, as the client hands it back. It says nothing that the page did not. */
export function encodeCursor(last: { readonly createdAt: Date; readonly id: string }): string {
  return Buffer.from(JSON.stringify({ c: last.createdAt.getTime(), i: last.id })).toString('base64url');
}

/** @throws IdentitySessionError `VALIDATION_FAILED` for anything that `encodeCursor` did not make */
export function decodeCursor(text: string | undefined): Page['after'] {
  if (text === undefined) return null;
  const parsed = CURSOR.safeParse(parseJson(Buffer.from(text, 'base64url').toString()));
  if (parsed.success) return { createdAt: parsed.data.c, id: parsed.data.i };
  throw new IdentitySessionError('VALIDATION_FAILED', 'The cursor is not one of ours; begin without it.', {
    errors: [{ field: 'cursor', message: 'is not valid' }],
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
