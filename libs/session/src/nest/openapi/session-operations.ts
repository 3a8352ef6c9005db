import { END_MINE, NAME_MINE, NOTHING, RESTORE } from '../rest/session-queries.js';
import type { OpenApiOperations } from './open-api.js';
import { describeOperation, HOOKS } from './operation.js';
import { ref } from './session-schemas.js';

const TAG = 'My sessions';
const MINE = { id: 'One of my sessions' };

/** What signed-in users do with their own sessions, below the module's prefix. */
export const SESSION_OPERATIONS: OpenApiOperations = {
  '/sessions': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'My live sessions, newest first', query: NOTHING },
      answers: {
        200: { description: 'All of them; the one of this request is `current`', schema: ref('SessionList') },
      },
    }),
    delete: describeOperation({
      ...{
        tag: TAG,
        summary: 'End all my other sessions, and this one too with `includeCurrent=true`',
        query: END_MINE,
      },
      answers: { 200: { description: 'How many were ended', schema: ref('Revoked') } },
      errors: ['SESSION_NOT_FRESH', 'CROSS_SITE'],
    }),
  },
  '/sessions/current': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'The session of this request', query: NOTHING },
      answers: { 200: { description: 'Who is signed in, and how', schema: ref('Session') } },
    }),
  },
  '/sessions/restore': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'A new session in place of my revoked one', query: NOTHING, body: RESTORE },
      description:
        'With the token of the revoked session, once, where an administrator has undone the revocation and nothing has ' +
        'changed since. The new token goes back the way that the old one came.',
      bodyExample: {},
      answers: { 200: { description: 'Who is signed in again', schema: ref('RestoredSession') } },
      errors: [...HOOKS, 'UNDO_REFUSED', 'SESSION_LIMIT_REACHED', 'CROSS_SITE'],
    }),
  },
  '/sessions/{id}': {
    patch: describeOperation({
      ...{ tag: TAG, summary: 'Name my device', path: MINE, query: NOTHING, body: NAME_MINE },
      bodyExample: { deviceName: 'Work laptop' },
      answers: { 200: { description: 'The session with its new name', schema: ref('Session') } },
      errors: [...HOOKS, 'SESSION_NOT_FOUND', 'CROSS_SITE'],
    }),
    delete: describeOperation({
      ...{ tag: TAG, summary: 'End one of my sessions', path: MINE, query: NOTHING },
      answers: { 204: { description: 'It is over, on every node' } },
      errors: [...HOOKS, 'SESSION_NOT_FOUND', 'SESSION_NOT_FRESH', 'CROSS_SITE'],
    }),
  },
};
