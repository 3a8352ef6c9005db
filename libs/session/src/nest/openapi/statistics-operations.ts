import { NOTHING } from '../rest/session-queries.js';
import type { OpenApiOperations, OpenApiSchema } from './open-api.js';
import { describeOperation } from './operation.js';
import { closed, ref } from './session-schemas.js';

const TAG = 'Administration';

/** Numbers of sessions and nodes, and the addresses of a session, below the module's prefix. */
export const STATISTICS_OPERATIONS: OpenApiOperations = {
  '/admin/stats': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'How many sessions there are', query: NOTHING },
      description:
        'Counted within what the administrator may see, and told for some seconds. `nodes` is empty and `cleanup` is ' +
        '`null` for whoever does not administrate everybody.',
      answers: { 200: { description: 'The counts', schema: ref('Stats') } },
      errors: ['FORBIDDEN'],
    }),
  },
  '/admin/sessions/{id}/addresses': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'From where a session was used', query: NOTHING },
      path: { id: 'A session that the administrator may see' },
      description: 'Written when an address changes, and up to a sync interval late.',
      answers: { 200: { description: 'At most 20, the latest first', schema: ref('Addresses') } },
      errors: ['FORBIDDEN', 'SESSION_NOT_FOUND'],
    }),
  },
};

const TEXT: OpenApiSchema = { type: 'string' };
const TIME: OpenApiSchema = { type: 'string', format: 'date-time' };
const COUNT: OpenApiSchema = { type: 'integer', minimum: 0 };
const COUNTS: OpenApiSchema = { type: 'object', additionalProperties: COUNT };

export const STATISTICS_SCHEMAS: Readonly<Record<string, OpenApiSchema>> = {
  Stats: closed({
    live: { ...COUNT, description: 'Sessions that a check would admit, or that are suspended' },
    byDeviceType: COUNTS,
    byClient: { ...COUNTS, description: 'By client id, the hundred most; those without a client under the empty text' },
    signedInLast24h: COUNT,
    endedLast24h: { ...COUNTS, description: 'By reason, the hundred most' },
    nodes: {
      type: 'array',
      items: closed({
        name: TEXT,
        startedAt: TIME,
        tailLagMs: { type: 'integer', nullable: true, description: 'How long ago its last read of the log had begun' },
        connections: COUNT,
      }),
    },
    cleanup: {
      ...closed({ lastRunAt: { ...TIME, nullable: true }, ended: COUNT, removed: COUNT }),
      nullable: true,
    },
  }),
  Addresses: closed({
    nodeName: { ...TEXT, nullable: true, description: 'Where it began' },
    items: { type: 'array', items: closed({ ip: TEXT, firstSeenAt: TIME, lastSeenAt: TIME }) },
  }),
};
