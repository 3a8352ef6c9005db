import { z } from 'zod';
import type { SessionEvent } from '../events/session-event.js';

const SECRET = /^whsec_[A-Za-z0-9+/]+={0,2}$/;
const LEAST_SECRET_BYTES = 24;
const LONGEST_TIMEOUT_MS = 300_000;

/** Secrets are in no message. */
export const WEBHOOK_SCHEMA = z
  .strictObject({
    name: z.string().min(1).max(80),
    url: z.string().refine((url) => URL.canParse(url), 'must be a URL'),
    secrets: z
      .array(z.string().refine(isSecret, `must be whsec_ and base64 of at least ${LEAST_SECRET_BYTES} bytes`))
      .min(1),
    types: z.array(z.custom<SessionEvent['type']>((value) => typeof value === 'string')).optional(),
    timeoutMs: z.int().min(1).max(LONGEST_TIMEOUT_MS).default(10_000),
    allowInsecure: z.boolean().default(false),
    allowPrivateAddresses: z.boolean().default(false),
  })
  .refine(({ url, allowInsecure }) => !URL.canParse(url) || isAllowed(new URL(url), allowInsecure), {
    path: ['url'],
    message: 'must begin with https:// (or with http:// and allowInsecure) and have neither user nor password',
  });

function isAllowed({ protocol, username, password }: URL, allowInsecure: boolean): boolean {
  const isRight = protocol === 'https:' || (allowInsecure && protocol === 'http:');
  return isRight && username === '' && password === '';
}

function isSecret(text: string): boolean {
  return SECRET.test(text) && Buffer.from(text.slice('whsec_'.length), 'base64').length >= LEAST_SECRET_BYTES;
}
