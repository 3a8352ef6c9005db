import {
  APPROVE,
  CUT_OFF,
  END_ALL_THEIRS,
  END_THEIRS,
  ERASE_USER,
  EXPORT_USER,
  HISTORY,
  NOTHING,
  REJECT,
  RESUME,
  REVOKE_MATCHING,
  SEARCH,
  SUSPEND,
  UNDO,
} from '../rest/session-queries.js';
import type { OpenApiOperations } from './open-api.js';
import { describeOperation, HOOKS } from './operation.js';
import { ref } from './session-schemas.js';

const TAG = 'Administration';
const ANY = { id: 'A session that the administrator may see' };
const SPARES_PROTECTED =
  'Protected sessions are spared unless `includeProtected` is asked for, by who has the right to them.';
const USER = { userId: 'Whose sessions' };

const AS_TEXT =
  'With `Accept: text/plain` one line for each entry, and the cursor of the next page in the header `Next-Cursor`.';

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
      errors: [...HOOKS, 'FORBIDDEN', 'SESSION_PROTECTED', 'SESSION_NOT_FOUND', 'CROSS_SITE'],
    }),
  },
  '/admin/sessions/{id}/events': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'The history of a session, oldest first', path: ANY, query: HISTORY },
      description: `As far as the change log goes back. ${AS_TEXT}`,
      answers: { 200: { description: 'One page', schema: ref('HistoryPage') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND'],
    }),
  },
  '/admin/sessions/{id}/suspend': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Freeze an active session', path: ANY, query: NOTHING, body: SUSPEND },
      description:
        'Its requests are answered with 423 until it is resumed. It keeps its slot, unless the application says otherwise.',
      bodyExample: { reason: 'looks odd' },
      answers: { 200: { description: 'It is frozen, on every node', schema: ref('Session') } },
      errors: [...HOOKS, 'FORBIDDEN', 'SESSION_PROTECTED', 'SESSION_NOT_FOUND', 'ILLEGAL_TRANSITION', 'CROSS_SITE'],
    }),
  },
  '/admin/sessions/{id}/resume': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Thaw a suspended session', path: ANY, query: NOTHING, body: RESUME },
      description: 'Its limits have gone on meanwhile: one that has run out stays out.',
      bodyExample: { reason: 'was the owner' },
      answers: { 200: { description: 'It is active again', schema: ref('Session') } },
      errors: [...HOOKS, 'FORBIDDEN', 'SESSION_NOT_FOUND', 'ILLEGAL_TRANSITION', 'SESSION_LIMIT_REACHED', 'CROSS_SITE'],
    }),
  },
  '/admin/sessions/{id}/undo': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Undo a revocation', path: ANY, query: NOTHING, body: UNDO },
      description:
        'Within the time for it, and while nothing has changed since. The session stays ended: its client may have a new ' +
        'one in its place, once, by `POST /sessions/restore`.',
      bodyExample: { reason: 'the wrong one' },
      answers: { 200: { description: 'It may be restored', schema: ref('UndoneRevocation') } },
      errors: [...HOOKS, 'FORBIDDEN', 'SESSION_PROTECTED', 'SESSION_NOT_FOUND', 'UNDO_REFUSED', 'CROSS_SITE'],
    }),
  },
  '/admin/sessions/{id}/approve': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Approve a pending sign-in', path: ANY, query: NOTHING, body: APPROVE },
      description:
        'By one of the approvers that the requirement names. Activates nothing: the waiting client completes the sign-in.',
      bodyExample: { requirement: 'four_eyes' },
      answers: { 200: { description: 'It is approved', schema: ref('Session') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND', 'ILLEGAL_TRANSITION', 'CROSS_SITE'],
    }),
  },
  '/admin/sessions/{id}/reject': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Reject a pending sign-in', path: ANY, query: NOTHING, body: REJECT },
      bodyExample: { reason: 'nobody I know' },
      answers: { 200: { description: 'It is over', schema: ref('Session') } },
      errors: [...HOOKS, 'FORBIDDEN', 'SESSION_PROTECTED', 'SESSION_NOT_FOUND', 'ILLEGAL_TRANSITION', 'CROSS_SITE'],
    }),
  },
  '/admin/sessions/revoke': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'End all sessions that match', query: NOTHING, body: REVOKE_MATCHING },
      description:
        'In id order. `max` of them at most, 10 000 unless said; `more` tells whether to ask again. ' +
        SPARES_PROTECTED,
      bodyExample: { filter: { tenantId: 'acme', deviceType: 'mobile' }, reason: 'lost devices', dryRun: true },
      answers: { 200: { description: 'How many matched and were ended', schema: ref('BulkResult') } },
      errors: ['FORBIDDEN', 'CROSS_SITE'],
    }),
  },
  '/admin/users/{userId}/sessions': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'The live sessions of a user', path: USER, query: NOTHING },
      answers: { 200: { description: 'At most 1 000, newest first', schema: ref('SessionList') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND'],
    }),
    delete: describeOperation({
      ...{ tag: TAG, summary: 'End the sessions of a user', path: USER, query: END_ALL_THEIRS },
      description: SPARES_PROTECTED,
      answers: { 200: { description: 'How many were ended', schema: ref('Revoked') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND', 'CROSS_SITE'],
    }),
  },
  '/admin/users/{userId}/events': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'The history of all sessions of a user', path: USER, query: HISTORY },
      description: `In the order of the change log, as far as it goes back. ${AS_TEXT}`,
      answers: { 200: { description: 'One page', schema: ref('UserHistoryPage') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND'],
    }),
  },
  '/admin/users/{userId}/export': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'All that is known of a user', path: USER, query: EXPORT_USER },
      description: `The sessions, live and ended, and their history. A file without its last bracket is not complete. With \`Accept: text/plain\` the history alone, line by line.`,
      answers: { 200: { description: 'A file', schema: ref('UserExport') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND'],
    }),
  },
  '/admin/users/{userId}/data': {
    delete: describeOperation({
      ...{ tag: TAG, summary: 'Erase a user', path: USER, query: ERASE_USER },
      description:
        'Ends the live sessions, and removes what is personal from all and from their history. Takes a right of its own. ' +
        'After a failure the same request again goes on.',
      answers: { 200: { description: 'What was ended and erased', schema: ref('Erased') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND', 'SESSION_PROTECTED', 'CROSS_SITE'],
    }),
  },
  '/admin/users/{userId}/sessions/{id}': {
    delete: describeOperation({
      ...{ tag: TAG, summary: 'End one session of a user', path: { ...USER, ...ANY }, query: END_THEIRS },
      answers: { 204: { description: 'It is over, on every node' } },
      errors: [...HOOKS, 'FORBIDDEN', 'SESSION_PROTECTED', 'SESSION_NOT_FOUND', 'CROSS_SITE'],
    }),
  },
  '/admin/cut-offs': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Nothing issued before now counts any more', query: NOTHING, body: CUT_OFF },
      description:
        'Ends every session of a user, a tenant or everybody at once, however many there are. ' + SPARES_PROTECTED,
      bodyExample: { userId: 'alice', reason: 'stolen laptop' },
      answers: { 201: { description: 'It holds on every node', schema: ref('CutOff') } },
      errors: ['FORBIDDEN', 'CROSS_SITE'],
    }),
  },
};
