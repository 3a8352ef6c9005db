import { SESSION_STATUSES } from '../../core/lifecycle.js';
import { APPROVAL_MODES } from '../../core/pending.js';
import { ASSURANCE_LEVELS, DEVICE_TYPES } from '../../core/session.js';
import type { SessionJson } from '../session/session-json.js';
import type { OpenApiSchema } from './open-api.js';
import { PROBLEM_SCHEMA } from './problem-responses.js';

const TEXT: OpenApiSchema = { type: 'string' };
const TEXT_OR_NULL: OpenApiSchema = { type: 'string', nullable: true };
/** A UUID, unless the application has codecs for ids. */
export const SESSION_ID: OpenApiSchema = {
  type: 'string',
  description: 'Public; no credential. One text, nothing to be read from it',
};
const TIME: OpenApiSchema = { type: 'string', format: 'date-time' };
const COUNT: OpenApiSchema = { type: 'integer', minimum: 0 };

/** Exactly these keys, all of them always there. */
export function closed(properties: Readonly<Record<string, OpenApiSchema>>, more: OpenApiSchema = {}): OpenApiSchema {
  return { type: 'object', required: Object.keys(properties), properties, additionalProperties: false, ...more };
}

/** A schema of the document's components. */
export const ref = (name: string): OpenApiSchema => ({ $ref: `#/components/schemas/${name}` });

const EXAMPLE: SessionJson = {
  id: '019a9d4e-6c1b-7c55-9a3e-2f0d6a4b8c11',
  userId: 'alice',
  tenantId: null,
  clientId: null,
  deviceType: 'web',
  deviceName: 'Firefox on Linux',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  initialIp: '203.0.113.7',
  lastIp: '203.0.113.7',
  location: null,
  status: 'active',
  createdAt: '2026-01-05T08:30:00.000Z',
  authenticatedAt: '2026-01-05T08:30:00.000Z',
  lastAccessedAt: '2026-01-05T09:12:44.120Z',
  idleExpiresAt: '2026-01-06T09:12:44.120Z',
  expiresAt: '2026-02-04T08:30:00.000Z',
  assurance: 'aal1',
  current: true,
  endedAt: null,
  endReason: null,
  endedBy: null,
};

const SESSION_PROPERTIES: Readonly<
  Record<keyof Omit<SessionJson, 'requirements' | 'protected' | 'restoredFrom'>, OpenApiSchema>
> = {
  id: SESSION_ID,
  userId: TEXT,
  tenantId: TEXT_OR_NULL,
  clientId: { ...TEXT_OR_NULL, description: 'The application that the user signed in with' },
  deviceType: { type: 'string', enum: DEVICE_TYPES },
  deviceName: TEXT_OR_NULL,
  userAgent: { ...TEXT_OR_NULL, description: 'As the client told it: text, never markup' },
  initialIp: TEXT_OR_NULL,
  lastIp: TEXT_OR_NULL,
  location: TEXT_OR_NULL,
  status: { type: 'string', enum: SESSION_STATUSES },
  createdAt: TIME,
  authenticatedAt: { ...TIME, description: 'When the user last proved who they are' },
  lastAccessedAt: TIME,
  idleExpiresAt: { ...TIME, description: 'When it ends unless it is used' },
  expiresAt: { ...TIME, description: 'When it ends, however it is used' },
  assurance: { type: 'string', enum: ASSURANCE_LEVELS },
  current: { type: 'boolean', description: 'Whether it is the session of this request' },
  endedAt: { ...TIME, nullable: true },
  endReason: TEXT_OR_NULL,
  endedBy: TEXT_OR_NULL,
};

const REQUIREMENTS: OpenApiSchema = {
  type: 'array',
  description: 'What the sign-in waits for: of a pending session alone',
  items: closed({
    name: TEXT,
    met: { type: 'boolean', description: 'Whether nothing of it is open' },
    approvers: {
      ...closed({ mode: { type: 'string', enum: APPROVAL_MODES }, of: { type: 'array', items: TEXT } }),
      nullable: true,
      description: 'Who must approve; `null` for what the application completes itself',
    },
    metBy: { type: 'array', items: closed({ by: TEXT_OR_NULL, at: TIME }) },
  }),
};

const PROTECTED: OpenApiSchema = {
  type: 'boolean',
  enum: [true],
  description: 'Of a protected session alone: it takes a right of its own to end or suspend it',
};

const RESTORED_FROM: OpenApiSchema = {
  ...SESSION_ID,
  description: 'The revoked session whose place it has taken: only of a session that has',
};

const HISTORY_ENTRY: Readonly<Record<string, OpenApiSchema>> = {
  id: { ...TEXT_OR_NULL, description: '`null` for a cut-off that is not written into the session yet' },
  type: { ...TEXT, description: 'What happened; an end is named by the status that it led to' },
  at: TIME,
  version: { type: 'integer', minimum: 1, nullable: true },
  reason: TEXT_OR_NULL,
  actor: { ...TEXT_OR_NULL, description: 'The user, or what part of the system, that did it' },
};

/** Only on entries that have them. */
const HISTORY_DETAILS: Readonly<Record<string, OpenApiSchema>> = {
  changes: {
    type: 'array',
    description: 'What changed, field by field; of data the names, and values only where the application keeps them',
    items: {
      type: 'object',
      required: ['field'],
      properties: { field: TEXT, from: { description: 'As JSON' }, to: { description: 'As JSON' } },
      additionalProperties: false,
    },
  },
  source: { ...TEXT, description: 'Where it came from: `rest`, `code`, `job`, `cleanup` and others' },
  ip: { ...TEXT, description: 'The address of whoever made the change, while addresses are kept' },
  tags: { type: 'array', items: TEXT },
  idempotencyKey: TEXT,
};

function historyPage(more: Readonly<Record<string, OpenApiSchema>>, example: object): OpenApiSchema {
  const required = { ...HISTORY_ENTRY, ...more };
  const items = closed(required, {
    properties: { ...required, ...HISTORY_DETAILS },
    example: {
      ...{ id: '4711', type: 'suspended', at: '2026-01-05T10:00:00.000Z', version: 2 },
      ...{ reason: 'looks odd', actor: 'admin', ...example },
      changes: [{ field: 'status', from: 'active', to: 'suspended' }],
      ...{ source: 'rest', ip: '203.0.113.9', tags: ['ticket-4711'], idempotencyKey: '7f9c' },
    },
  });
  const nextCursor = { ...TEXT_OR_NULL, description: 'For the next page; `null` on the last' };
  return closed({ items: { type: 'array', items }, nextCursor });
}

/** The components that the module's operations refer to. */
export const SESSION_SCHEMAS: Readonly<Record<string, OpenApiSchema>> = {
  Problem: PROBLEM_SCHEMA,
  Session: closed(SESSION_PROPERTIES, {
    properties: {
      ...SESSION_PROPERTIES,
      requirements: REQUIREMENTS,
      protected: PROTECTED,
      restoredFrom: RESTORED_FROM,
    },
    example: EXAMPLE,
  }),
  RestoredSession: closed(
    { session: ref('Session'), evicted: { type: 'array', items: TEXT } },
    {
      properties: {
        session: ref('Session'),
        token: { ...TEXT, description: 'Of a client that has presented a bearer token' },
        evicted: { type: 'array', items: TEXT, description: 'Ids of sessions that the policy ended for it' },
      },
    },
  ),
  UndoneRevocation: closed({
    session: ref('Session'),
    restorableUntil: { ...TIME, description: 'Until then its client may have a new one' },
  }),
  SessionList: closed({ items: { type: 'array', items: ref('Session') } }),
  SessionPage: closed({
    items: { type: 'array', items: ref('Session') },
    nextCursor: { ...TEXT_OR_NULL, description: 'For the next page; `null` on the last' },
  }),
  HistoryPage: historyPage({}, {}),
  UserHistoryPage: historyPage(
    { sessionId: { ...TEXT_OR_NULL, description: '`null` for a cut-off' }, tenantId: TEXT_OR_NULL },
    { sessionId: EXAMPLE.id, tenantId: null },
  ),
  UserExport: closed({
    userId: TEXT,
    sessions: { type: 'array', items: ref('Session') },
    events: { type: 'array', items: { type: 'object', description: 'As in `UserHistoryPage`' } },
  }),
  Erased: closed(
    {
      ended: { ...COUNT, description: 'Live sessions that were ended' },
      sessions: { ...COUNT, description: 'Sessions that have lost what is personal' },
      entries: { ...COUNT, description: 'Entries of their history that have' },
    },
    { example: { ended: 1, sessions: 12, entries: 47 } },
  ),
  BulkResult: closed(
    {
      matched: { ...COUNT, description: 'Sessions that could be ended when they were looked at' },
      revoked: { ...COUNT, description: 'Those that this call has ended' },
      more: { type: 'boolean', description: 'Whether matching ones are left: ask again' },
    },
    { example: { matched: 12_000, revoked: 10_000, more: true } },
  ),
  Revoked: closed({ revoked: { ...COUNT, description: 'How many sessions were ended' } }, { example: { revoked: 2 } }),
  CutOff: closed(
    { userId: TEXT_OR_NULL, tenantId: TEXT_OR_NULL, notBefore: TIME, reason: TEXT },
    {
      description: '`null` means any.',
      example: { userId: 'alice', tenantId: null, notBefore: '2026-01-05T10:00:00.000Z', reason: 'stolen laptop' },
    },
  ),
};
