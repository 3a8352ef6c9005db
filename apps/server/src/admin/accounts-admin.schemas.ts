import { z } from 'zod';
import { ACCOUNT_ROLES } from '../accounts/account-role.js';
import { emailSchema } from '../accounts/email.js';
import { newPasswordSchema } from '../accounts/password.js';

const MAX_TENANT_ID_LENGTH = 255;

const tenantIdSchema = z
  .string()
  .min(1)
  .max(MAX_TENANT_ID_LENGTH)
  .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must not contain NUL or lone surrogates');

export const createAccountSchema = z.strictObject({
  email: emailSchema,
  password: newPasswordSchema,
  role: z.enum(ACCOUNT_ROLES),
  tenantId: tenantIdSchema.optional(),
});

export const changeAccountSchema = z
  .strictObject({ disabled: z.boolean().optional(), role: z.enum(ACCOUNT_ROLES).optional() })
  .refine((change) => change.disabled !== undefined || change.role !== undefined, 'must change something');

export type CreateAccountBody = z.infer<typeof createAccountSchema>;
export type ChangeAccountBody = z.infer<typeof changeAccountSchema>;
