import { DEVICE_TYPES, type DeviceType } from 'nestjs-identity-session';
import { z } from 'zod';
import { emailSchema } from '../accounts/email.js';
import { givenPasswordSchema, newPasswordSchema } from '../accounts/password.js';

const MAX_DEVICE_NAME_LENGTH = 100;

export const signUpSchema = z.strictObject({ email: emailSchema, password: newPasswordSchema });

export const signInSchema = z.strictObject({
  email: emailSchema,
  password: givenPasswordSchema,
  deviceType: z.enum(DEVICE_TYPES as readonly [DeviceType, ...DeviceType[]]).optional(),
  deviceName: z.string().max(MAX_DEVICE_NAME_LENGTH).optional(),
  rememberMe: z.boolean().optional(),
  transport: z.enum(['cookie', 'bearer']).default('cookie'),
});

const codeSchema = z.string().regex(/^[0-9]{6}$/, 'must have six digits');

/** Without a code where there was one already, and the policy had no room then. */
export const completeSchema = z.strictObject({ code: codeSchema.optional() });

export const confirmSchema = z.strictObject({ code: codeSchema });

export const changePasswordSchema = z.strictObject({ current: givenPasswordSchema, next: newPasswordSchema });

export type SignUpBody = z.infer<typeof signUpSchema>;
export type SignInBody = z.infer<typeof signInSchema>;
export type CompleteBody = z.infer<typeof completeSchema>;
export type ConfirmBody = z.infer<typeof confirmSchema>;
export type ChangePasswordBody = z.infer<typeof changePasswordSchema>;
