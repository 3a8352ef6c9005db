import { describeOperation, type OpenApiOperations } from 'nestjs-identity-session';
import { changeAccountSchema, createAccountSchema } from '../admin/accounts-admin.schemas.js';
import {
  changePasswordSchema,
  completeSchema,
  confirmSchema,
  signInSchema,
  signUpSchema,
} from '../sign-in/sign-in.schemas.js';
import { userMessageSchema } from '../sockets/user-messages.schemas.js';
import { SCHEMAS } from './schemas.js';

const ACCOUNTS = 'Accounts and sign-in';
const ADMINISTRATION = 'Accounts, by administrators';
const OPERATION = 'Operation';
const CREDENTIALS = { email: 'alice@example.com', password: 'correct horse battery' };

/** The server's own routes; the module describes its own. */
export const OPERATIONS: OpenApiOperations = {
  '/auth/sign-up': {
    post: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'Make an account', body: signUpSchema, bodyExample: CREDENTIALS, isOpen: true },
      answers: { 201: { description: 'It is made, and not signed in yet', schema: SCHEMAS.signedUp } },
      errors: ['CROSS_SITE', 'TOO_MANY_REQUESTS', 'SESSION_STORE_UNAVAILABLE'],
    }),
  },
  '/auth/sign-in': {
    post: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'Sign in', body: signInSchema, bodyExample: CREDENTIALS, isOpen: true },
      description:
        'In place of the session that the request carries. The token is a cookie, or told for `bearer`. Where the account ' +
        'has a second factor the session is `pending`, and `POST /auth/complete` takes the code.',
      answers: { 200: { description: 'The session', schema: SCHEMAS.signedIn } },
      errors: [
        'BAD_CREDENTIALS',
        'CROSS_SITE',
        'SESSION_LIMIT_REACHED',
        'TOO_MANY_REQUESTS',
        'SESSION_STORE_UNAVAILABLE',
      ],
    }),
  },
  '/auth/complete': {
    post: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'Complete a sign-in with a one-time password', body: completeSchema },
      bodyExample: { code: '123456' },
      description: 'For a pending session. Each code is taken once. The session is active then, with a new token.',
      answers: { 200: { description: 'The session', schema: SCHEMAS.signedIn } },
      errors: [
        'BAD_CREDENTIALS',
        'CROSS_SITE',
        'SESSION_NOT_FOUND',
        'ILLEGAL_TRANSITION',
        'SESSION_LIMIT_REACHED',
        'TOO_MANY_REQUESTS',
      ],
    }),
  },
  '/auth/sign-out': {
    post: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'Sign out' },
      answers: { 204: { description: 'The session of the request is over, and its cookie cleared' } },
      errors: ['CROSS_SITE'],
    }),
  },
  '/auth/password': {
    post: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'Change the password; ends the other sessions', body: changePasswordSchema },
      bodyExample: { current: CREDENTIALS.password, next: 'incorrect horse battery' },
      answers: { 200: { description: 'This session, with a new token', schema: SCHEMAS.passwordChanged } },
      errors: ['BAD_CREDENTIALS', 'CROSS_SITE', 'SESSION_NOT_FOUND', 'SESSION_NOT_FRESH', 'TOO_MANY_REQUESTS'],
    }),
  },
  '/me': {
    get: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'Who is signed in' },
      answers: { 200: { description: 'The user and the session', schema: SCHEMAS.me } },
    }),
  },
  '/me/account': {
    get: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'My account' },
      answers: {
        200: { description: 'The account, and what a sign-in needs beside the password', schema: SCHEMAS.myAccount },
      },
    }),
  },
  '/me/factors/totp': {
    post: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'Begin to enrol a second factor: one-time passwords by time (RFC 6238)' },
      description: 'It counts once a code is confirmed. Needs a sign-in within 10 minutes.',
      answers: { 201: { description: 'The secret, this once', schema: SCHEMAS.enrolment } },
      errors: ['VALIDATION_FAILED', 'CROSS_SITE', 'SESSION_NOT_FRESH'],
    }),
    delete: describeOperation({
      ...{ tag: ACCOUNTS, summary: 'Remove the second factor; ends the other sessions' },
      description: 'Needs a sign-in with it within 10 minutes. The session goes on at `aal1`, with a new token.',
      answers: { 204: { description: 'It is gone' } },
      errors: ['CROSS_SITE', 'NOT_FOUND', 'SESSION_NOT_FRESH', 'ASSURANCE_TOO_LOW', 'SESSION_NOT_FOUND'],
    }),
  },
  '/me/factors/totp/confirm': {
    post: describeOperation({
      ...{
        tag: ACCOUNTS,
        summary: 'Confirm the second factor by a code; ends the other sessions',
        body: confirmSchema,
      },
      bodyExample: { code: '123456' },
      description: 'From now on sign-ins need a code. Needs a sign-in within 10 minutes.',
      answers: { 200: { description: 'This session at `aal2`, with a new token', schema: SCHEMAS.passwordChanged } },
      errors: ['BAD_CREDENTIALS', 'CROSS_SITE', 'SESSION_NOT_FRESH', 'SESSION_NOT_FOUND', 'TOO_MANY_REQUESTS'],
    }),
  },
  '/health': {
    get: describeOperation({
      ...{ tag: OPERATION, summary: 'Whether this node serves', isOpen: true },
      answers: {
        200: { description: 'It serves; `degraded`: slower than it should', schema: SCHEMAS.health },
        503: { description: 'It cannot', schema: SCHEMAS.health },
      },
    }),
  },
  '/metrics': {
    get: describeOperation({
      ...{ tag: OPERATION, summary: 'What this node has counted', isOpen: true },
      answers: {
        200: { description: 'In the text format of Prometheus', schema: SCHEMAS.metrics, mediaType: 'text/plain' },
      },
    }),
  },
  '/admin/accounts': {
    post: describeOperation({
      ...{ tag: ADMINISTRATION, summary: 'Make an account', body: createAccountSchema },
      bodyExample: { ...CREDENTIALS, role: 'tenant-admin', tenantId: 'acme' },
      answers: { 201: { description: 'The account', schema: SCHEMAS.account } },
      errors: ['FORBIDDEN', 'CROSS_SITE', 'TOO_MANY_REQUESTS'],
    }),
  },
  '/admin/accounts/{id}': {
    patch: describeOperation({
      ...{ tag: ADMINISTRATION, summary: 'Disable an account or change its role; ends its sessions' },
      ...{ path: { id: 'The user id of the account' }, body: changeAccountSchema, bodyExample: { disabled: true } },
      answers: { 200: { description: 'The account', schema: SCHEMAS.account } },
      errors: ['FORBIDDEN', 'CROSS_SITE', 'NOT_FOUND'],
    }),
  },
  '/admin/accounts/{id}/factors/totp': {
    delete: describeOperation({
      ...{ tag: ADMINISTRATION, summary: 'Take the second factor from somebody who has lost it; ends their sessions' },
      path: { id: 'The user id of the account' },
      answers: { 204: { description: 'It is gone: they sign in by the password alone' } },
      errors: ['FORBIDDEN', 'CROSS_SITE', 'NOT_FOUND'],
    }),
  },
  '/admin/users/{userId}/messages': {
    post: describeOperation({
      ...{ tag: ADMINISTRATION, summary: 'Tell a user something, on all devices that are connected' },
      description: 'Clients get the event `message { text, at }`. It is not kept for devices that are not connected.',
      ...{ path: { userId: 'The user id of the account' }, body: userMessageSchema },
      bodyExample: { text: 'Please call the service desk.' },
      answers: { 200: { description: 'What became of it', schema: SCHEMAS.delivered } },
      errors: ['FORBIDDEN', 'CROSS_SITE', 'NOT_FOUND'],
    }),
  },
};
