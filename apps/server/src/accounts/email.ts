import { z } from 'zod';

/** @see RFC 5321 section 4.5.3.1.3: a path has 256 octets, of which two are brackets. */
const MAX_EMAIL_LENGTH = 254;

/** The form in which two spellings of one address are the same. */
export function emailKeyOf(email: string): string {
  return tidy(email).toLowerCase();
}

function tidy(email: string): string {
  return email.trim().normalize('NFKC');
}

/** An email address, trimmed and normalised but with its upper and lower case. */
export const emailSchema = z
  .string()
  .max(4 * MAX_EMAIL_LENGTH, `must have at most ${MAX_EMAIL_LENGTH} characters`)
  .transform(tidy)
  .pipe(
    z
      .string()
      .max(MAX_EMAIL_LENGTH, `must have at most ${MAX_EMAIL_LENGTH} characters`)
      .regex(z.regexes.html5Email, 'must be an email address'),
  );
