import { z } from 'zod';

/** A thousand years: beyond that dates end. */
export const LONGEST_LIFETIME_MS = 1_000 * 365 * 86_400_000;

const LIFETIMES = z.strictObject({
  idleTimeoutMs: z.int().min(1).max(LONGEST_LIFETIME_MS).optional(),
  absoluteLifetimeMs: z.int().min(1).max(LONGEST_LIFETIME_MS).optional(),
});

/** The same wherever they are given: by the application at start, or by an administrator later. */
export const LIFETIMES_SCHEMA = LIFETIMES.extend({
  rememberMe: LIFETIMES.optional(),
  clients: z.record(z.string(), LIFETIMES).optional(),
});
