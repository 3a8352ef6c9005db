import { JOB_KINDS, JOB_STATUSES } from '../../store/session-jobs.js';
import type { JobJson } from '../rest/job-json.js';
import { JOBS, START_JOB } from '../rest/job-queries.js';
import { EXPORT, NOTHING } from '../rest/session-queries.js';
import type { OpenApiOperations, OpenApiSchema } from './open-api.js';
import { describeOperation } from './operation.js';
import { closed, ref, SESSION_ID } from './session-schemas.js';

const TAG = 'Administration';
const TEXT: OpenApiSchema = { type: 'string' };
const JOB = { id: 'A job that the administrator could have asked for' };

/** Work on many sessions, and many sessions as a file, below the module's prefix. */
export const JOB_OPERATIONS: OpenApiOperations = {
  '/admin/sessions.csv': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'All sessions that match, as a file', query: EXPORT },
      description: 'By creation, oldest first. A connection that breaks off leaves a file that is not complete.',
      answers: { 200: { description: 'RFC 4180, with a header line', schema: TEXT, mediaType: 'text/csv' } },
      errors: ['FORBIDDEN'],
    }),
  },
  '/admin/jobs': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Revoke or suspend all sessions that match', query: NOTHING, body: START_JOB },
      description:
        'However many there are: page by page, by whichever node is there. What begins after it was asked is left alone. ' +
        'Where the application asks for a second approver it waits for one. ' +
        'Protected sessions are spared unless `includeProtected` is asked for, by who has the right to them.',
      bodyExample: { kind: 'revoke', filter: { tenantId: 'acme' }, reason: 'incident 7', dryRun: true },
      answers: {
        200: { description: 'A dry run: how many match', schema: ref('Matched') },
        201: { description: 'The job', schema: ref('Job') },
      },
      errors: ['FORBIDDEN', 'SECOND_APPROVER_NEEDED', 'CROSS_SITE'],
    }),
    get: describeOperation({
      ...{ tag: TAG, summary: 'Jobs, newest first', query: JOBS },
      answers: { 200: { description: 'One page', schema: ref('JobPage') } },
      errors: ['FORBIDDEN'],
    }),
  },
  '/admin/jobs/{id}': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'How far a job has come', path: JOB, query: NOTHING },
      answers: { 200: { description: 'The job', schema: ref('Job') } },
      errors: ['FORBIDDEN', 'JOB_NOT_FOUND'],
    }),
  },
  '/admin/jobs/{id}/approve': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Approve a job that somebody else has asked for', path: JOB, query: NOTHING },
      answers: { 200: { description: 'It runs', schema: ref('Job') } },
      errors: ['FORBIDDEN', 'SECOND_APPROVER_NEEDED', 'JOB_NOT_FOUND', 'JOB_STATE_CONFLICT', 'CROSS_SITE'],
    }),
  },
  '/admin/jobs/{id}/cancel': {
    post: describeOperation({
      ...{ tag: TAG, summary: 'Stop a job', path: JOB, query: NOTHING },
      description: 'What it has changed stays so.',
      answers: { 200: { description: 'It changes nothing more', schema: ref('Job') } },
      errors: ['FORBIDDEN', 'JOB_NOT_FOUND', 'JOB_STATE_CONFLICT', 'CROSS_SITE'],
    }),
  },
};

const TEXT_OR_NULL: OpenApiSchema = { type: 'string', nullable: true };
const COUNT: OpenApiSchema = { type: 'integer', minimum: 0 };
const TIME: OpenApiSchema = { type: 'string', format: 'date-time' };
const TIME_OR_NULL: OpenApiSchema = { ...TIME, nullable: true };

const PROPERTIES: Readonly<Record<keyof Omit<JobJson, 'includeProtected'>, OpenApiSchema>> = {
  id: { type: 'string', format: 'uuid' },
  kind: { type: 'string', enum: JOB_KINDS },
  status: { type: 'string', enum: JOB_STATUSES },
  filter: { type: 'object', description: 'As it was asked' },
  except: { type: 'array', items: SESSION_ID },
  reason: TEXT,
  max: { type: 'integer', minimum: 1, nullable: true },
  matched: { ...COUNT, description: 'Sessions that matched when it was asked' },
  changed: { ...COUNT, description: 'Sessions that it has changed' },
  skipped: { ...COUNT, description: 'Sessions that it has left: they were ended by others, or cannot take the step' },
  askedBy: TEXT_OR_NULL,
  approvedBy: TEXT_OR_NULL,
  cancelledBy: TEXT_OR_NULL,
  node: { ...TEXT_OR_NULL, description: 'At it, or last; for administrators of everybody' },
  createdAt: { ...TIME, description: 'What began later is left alone' },
  approvedAt: TIME_OR_NULL,
  startedAt: TIME_OR_NULL,
  heartbeatAt: { ...TIME_OR_NULL, description: 'The last sign of life of the node that is at it' },
  finishedAt: TIME_OR_NULL,
  error: { ...TEXT_OR_NULL, description: 'Why it has failed, or was cancelled by nobody' },
};

/** The components that these operations refer to. */
export const JOB_SCHEMAS: Readonly<Record<string, OpenApiSchema>> = {
  Job: closed(PROPERTIES, {
    properties: {
      ...PROPERTIES,
      includeProtected: { type: 'boolean', enum: [true], description: 'Of a job that reaches protected sessions too' },
    },
  }),
  JobPage: closed({
    items: { type: 'array', items: ref('Job') },
    nextCursor: { ...TEXT_OR_NULL, description: 'For the next page; `null` on the last' },
  }),
  Matched: closed({ matched: COUNT }),
};
