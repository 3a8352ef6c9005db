import { z } from 'zod';

const MIN_PASSWORD_LENGTH = 8;
const MAX_PASSWORD_LENGTH = 256;

/** Counts code points, as people who choose a password would. */
const characters = (text: string): number => Array.from(text).length;

/** What is tried at a sign-in: anything that could be a password. The upper limit bounds the work of hashing. */
export const givenPasswordSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(2 * MAX_PASSWORD_LENGTH, `must have at most ${MAX_PASSWORD_LENGTH} characters`)
  .refine((text) => characters(text) <= MAX_PASSWORD_LENGTH, `must have at most ${MAX_PASSWORD_LENGTH} characters`)
  .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must not contain NUL or lone surrogates');

/** A password to be set. @see OWASP ASVS 5.0 6.2.1 and 6.2.9 */
export const newPasswordSchema = givenPasswordSchema.refine(
  (text) => characters(text) >= MIN_PASSWORD_LENGTH,
  `must have at least ${MIN_PASSWORD_LENGTH} characters`,
);
