import { z } from 'zod';

const LONGEST_TEXT = 2_000;

export const userMessageSchema = z.strictObject({
  text: z
    .string()
    .trim()
    .min(1)
    .max(LONGEST_TEXT)
    .refine((text) => text.isWellFormed(), 'must not contain lone surrogates'),
});
