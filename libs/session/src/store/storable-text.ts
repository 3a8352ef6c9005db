import { IdentitySessionError } from '../core/errors.js';

/**
 * Descriptive text as PostgreSQL can hold it: no NUL, no lone surrogates, cut to `maxLength` characters without
 * splitting one. Absent and empty are `null`.
 * @throws IdentitySessionError `VALIDATION_FAILED` for what is no text: it may come from outside unchecked
 */
export function storableText(text: unknown, maxLength: number): string | null {
  if (text === null || text === undefined || text === '') return null;
  if (typeof text !== 'string') throw new IdentitySessionError('VALIDATION_FAILED', 'A text must be a string.');
  const cut = text
    .slice(0, maxLength + 1)
    .toWellFormed()
    .replaceAll('\0', '\uFFFD')
    .slice(0, maxLength);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}

/** True for text that PostgreSQL holds as it is: without NUL and lone surrogates. */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** Of a reason, this many characters are kept. */
export const MAX_REASON_LENGTH = 200;

/** The longest id of a user, tenant, client or device. */
export const MAX_IDENTIFIER_LENGTH = 255;

/** True for an identifier that can be stored. */
export function isStorableIdentifier(text: unknown): text is string {
  return typeof text === 'string' && text !== '' && text.length <= MAX_IDENTIFIER_LENGTH && isStorableText(text);
}

/**
 * An identifier is taken as it is or not at all: cutting or cleaning could make two users one.
 * @throws IdentitySessionError `VALIDATION_FAILED`
 */
export function storableIdentifier(text: unknown, field: string): string {
  if (isStorableIdentifier(text)) return text;
  throw new IdentitySessionError(
    'VALIDATION_FAILED',
    `${field} must have 1 to ${MAX_IDENTIFIER_LENGTH} characters, without NUL or lone surrogates.`,
    { errors: [{ field, message: 'is not storable' }] },
  );
}
