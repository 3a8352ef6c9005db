import { z } from 'zod';
import { changeAccountSchema, createAccountSchema } from '../admin/accounts-admin.schemas.js';
import { changePasswordSchema, signInSchema, signUpSchema } from '../sign-in/sign-in.schemas.js';

interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly requestBody?: object;
  readonly security?: readonly [];
}

const openTo = (tag: string, summary: string, body?: z.ZodType): Operation => ({
  ...operation(tag, summary, body),
  security: [],
});

function operation(tag: string, summary: string, body?: z.ZodType): Operation {
  if (body === undefined) return { tags: [tag], summary };
  const schema = z.toJSONSchema(body, { io: 'input', target: 'openapi-3.0' });
  return { tags: [tag], summary, requestBody: { required: true, content: { 'application/json': { schema } } } };
}

const ACCOUNTS = 'Accounts and sign-in';
const OWN = 'My sessions';
const ADMINISTRATION = 'Administration';

/** As the module takes it; who and what is absent means any. */
const cutOffSchema = z.strictObject({
  userId: z.string().min(1).max(255).optional(),
  tenantId: z.string().min(1).max(255).optional(),
  reason: z.string().min(1).max(200),
});

/** What the controllers do not tell about themselves, by path and method. Paths that are not there are left alone. */
export const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/auth/sign-up': { post: openTo(ACCOUNTS, 'Make an account', signUpSchema) },
  '/auth/sign-in': { post: openTo(ACCOUNTS, 'Sign in', signInSchema) },
  '/auth/sign-out': { post: operation(ACCOUNTS, 'Sign out') },
  '/auth/password': {
    post: operation(ACCOUNTS, 'Change the password; ends the other sessions', changePasswordSchema),
  },
  '/me': { get: operation(ACCOUNTS, 'Who is signed in') },
  '/health': { get: openTo('Operation', 'Whether this node serves') },
  '/metrics': { get: openTo('Operation', 'What this node has counted, in the text format of Prometheus') },
  '/sessions': {
    get: operation(OWN, 'My live sessions'),
    delete: operation(OWN, 'End all my other sessions'),
  },
  '/sessions/current': { get: operation(OWN, 'The session of this request') },
  '/sessions/{id}': {
    patch: operation(OWN, 'Name my device'),
    delete: operation(OWN, 'End one of my sessions'),
  },
  '/admin/accounts': { post: operation(ADMINISTRATION, 'Make an account', createAccountSchema) },
  '/admin/accounts/{id}': {
    patch: operation(ADMINISTRATION, 'Disable an account or change its role; ends its sessions', changeAccountSchema),
  },
  '/admin/sessions': { get: operation(ADMINISTRATION, 'Search sessions') },
  '/admin/sessions/{id}': {
    get: operation(ADMINISTRATION, 'One session, live or ended'),
    delete: operation(ADMINISTRATION, 'Revoke a live session'),
  },
  '/admin/sessions/{id}/events': { get: operation(ADMINISTRATION, 'The history of a session') },
  '/admin/sessions/{id}/suspend': { post: operation(ADMINISTRATION, 'Suspend a session') },
  '/admin/sessions/{id}/resume': { post: operation(ADMINISTRATION, 'Resume a session') },
  '/admin/sessions/revoke': { post: operation(ADMINISTRATION, 'Revoke all sessions that match') },
  '/admin/users/{userId}/sessions': {
    get: operation(ADMINISTRATION, 'The sessions of a user'),
    delete: operation(ADMINISTRATION, 'End the sessions of a user'),
  },
  '/admin/users/{userId}/sessions/{id}': { delete: operation(ADMINISTRATION, 'End one session of a user') },
  '/admin/cut-offs': { post: operation(ADMINISTRATION, 'Nothing issued before now counts any more', cutOffSchema) },
  '/admin/stats': { get: operation(ADMINISTRATION, 'Numbers of sessions and nodes') },
};
