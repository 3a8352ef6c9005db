import { CUT_OFF, END_THEIRS, NOTHING, SEARCH } from '../rest/session-queries.js';
import type { OpenApiOperations } from './open-api.js';
import { describeOperation } from './operation.js';
import { ref } from './session-schemas.js';

const TAG = 'Administration';
const ANY = { id: 'A session that the administrator may see' };
const USER = { userId: 'Whose sessions' };

/** What administrators do, below the module's prefix. Everything is narrowed to what the access policy allows. */
export const ADMINISTRATION_OPERATIONS: OpenApiOperations = {
  '/admin/sessions': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'Search sessions', query: SEARCH },
      description: 'All conditions hold at once. A cursor belongs to the sort that it came with.',
      answers: { 200: { description: 'One page', schema: ref('SessionPage') } },
      errors: ['FORBIDDEN'],
    }),
  },
  '/admin/sessions/{id}': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'One session, live or ended', path: ANY, query: NOTHING },
      answers: { 200: { description: 'The session', schema: ref('Session') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND'],
    }),
    delete: describeOperation({
      ...{ tag: TAG, summary: 'Revoke a live session', path: ANY, query: END_THEIRS },
      answers: { 204: { description: 'It is over, on every node' } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND', 'CROSS_SITE'],
    }),
  },
  '/admin/users/{userId}/sessions': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'The live sessions of a user', path: USER, query: NOTHING },
      answers: { 200: { description: 'At most 1 000, newest first', schema: ref('SessionList') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND'],
    }),
    delete: describeOperation({
      ...{ tag: TAG, summary: 'End the sessions of a user', path: USER, query: END_THEIRS },
      answers: { 200: { description: 'How many were ended', schema: ref('Revoked') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND', 'CROSS_SITE'],
    }),
  },
  '/admin/users/{userId}/sessions/{id}': {
    delete: describeOperation({
      ...{ tag: TAG, summary: 'End one session of a user', path: { ...USER, ...ANY }, query: END_THEIRS },
      answers: { 204: { description: 'It is over, on every node' } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND', 'CROSS_SITE'],
    }),
  },
  '/admin/cut-offs': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Nothing issued before now counts any more', query: NOTHING, body: CUT_OFF },
      description: 'Ends every session of a user, a tenant or everybody at once, however many there are.',
      bodyExample: { userId: 'alice', reason: 'stolen laptop' },
      answers: { 201: { description: 'It holds on every node', schema: ref('CutOff') } },
      errors: ['FORBIDDEN', 'CROSS_SITE'],
    }),
  },
};
