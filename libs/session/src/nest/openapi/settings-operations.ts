import { DEVICE_TYPES } from '../../core/session.js';
import type { SettingsHistoryJson, SettingsJson } from '../rest/admin-settings.controller.js';
import { CHANGE_SETTINGS_BODY, RESET_SETTINGS, SETTINGS, SETTINGS_HISTORY } from '../rest/settings-queries.js';
import { NOTHING } from '../rest/session-queries.js';
import type { OpenApiOperations, OpenApiSchema } from './open-api.js';
import { describeOperation } from './operation.js';
import { closed, ref } from './session-schemas.js';

const TAG = 'Administration';
const ANSWER = { 200: { description: 'What holds from now on', schema: ref('Settings') } };

/** Settings at run time, below the module's prefix. */
export const SETTINGS_OPERATIONS: OpenApiOperations = {
  '/admin/settings': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'Strategy, limits and lifetimes as they are stored and as they hold', query: SETTINGS },
      description: 'Without `tenantId` those of everybody, or of the administrator’s own tenant.',
      answers: { 200: { description: 'What is stored, and what it comes to', schema: ref('Settings') } },
      errors: ['FORBIDDEN'],
    }),
    put: describeOperation({
      ...{ tag: TAG, summary: 'Change strategy, limits and lifetimes', query: NOTHING, body: CHANGE_SETTINGS_BODY },
      description:
        'Takes the place of what is stored, and decides about the next sign-in on every node. `version` is the one that ' +
        'the change is made over. A tenant’s own administrators can only tighten what holds for everybody.',
      bodyExample: { version: 0, settings: { strategy: 'RejectNew', limit: 3 }, reason: 'shared accounts' },
      answers: ANSWER,
      errors: ['FORBIDDEN', 'SETTINGS_CONFLICT', 'CROSS_SITE'],
    }),
    delete: describeOperation({
      ...{ tag: TAG, summary: 'Take stored settings back', query: RESET_SETTINGS },
      description: 'What is below them counts again. A conflict also where nothing is stored.',
      answers: ANSWER,
      errors: ['FORBIDDEN', 'SETTINGS_CONFLICT', 'CROSS_SITE'],
    }),
  },
  '/admin/settings/history': {
    get: describeOperation({
      ...{ tag: TAG, summary: 'Who changed settings, when and why', query: SETTINGS_HISTORY },
      answers: { 200: { description: 'Newest first, as far back as the log is kept', schema: ref('SettingsHistory') } },
      errors: ['FORBIDDEN'],
    }),
  },
};

const OBJECT_OR_NULL: OpenApiSchema = { type: 'object', nullable: true };
const TEXT_OR_NULL: OpenApiSchema = { type: 'string', nullable: true };
const MS: OpenApiSchema = { type: 'integer', minimum: 1 };
const LIMITS = { idleTimeoutMs: MS, absoluteLifetimeMs: MS };
const LIMITS_OF_ONE = { ...LIMITS, rememberMe: closed(LIMITS) };

const RULE = closed({
  scope: { type: 'string', enum: ['subject', 'deviceType', 'client', 'custom'] },
  limit: {
    oneOf: [
      { type: 'integer', minimum: 1 },
      { type: 'object', properties: Object.fromEntries(DEVICE_TYPES.map((type) => [type, MS])) },
    ],
  },
  whenFull: { type: 'string', enum: ['evict-oldest', 'evict-least-recently-used', 'evict-all', 'reject', 'ask'] },
  hasExemptions: { type: 'boolean' },
});

const SETTINGS_PROPERTIES: Readonly<Record<keyof SettingsJson, OpenApiSchema>> = {
  tenantId: { ...TEXT_OR_NULL, description: '`null` means everybody' },
  version: { type: 'integer', minimum: 0, description: 'For the next change' },
  stored: { ...OBJECT_OR_NULL, description: 'As they were given' },
  usable: { type: 'boolean', description: 'Whether this node can use what is stored' },
  keptBy: { ...TEXT_OR_NULL, enum: ['all', 'tenant', null] },
  changedAt: { ...TEXT_OR_NULL, format: 'date-time' },
  changedBy: TEXT_OR_NULL,
  reason: TEXT_OR_NULL,
  effective: closed({
    strategy: { type: 'array', nullable: true, items: RULE, description: '`null` where the application chooses' },
    lifetimes: closed({ ...LIMITS_OF_ONE, clients: { type: 'object', additionalProperties: closed(LIMITS_OF_ONE) } }),
  }),
  warnings: {
    type: 'array',
    items: { type: 'string' },
    description: 'Lifetimes above what the configured level of assurance allows',
  },
};

const HISTORY_PROPERTIES: Readonly<Record<keyof SettingsHistoryJson, OpenApiSchema>> = {
  version: { type: 'integer', minimum: 1 },
  at: { type: 'string', format: 'date-time' },
  by: TEXT_OR_NULL,
  reason: { type: 'string' },
  before: OBJECT_OR_NULL,
  after: OBJECT_OR_NULL,
};

/** The components that these operations refer to. */
export const SETTINGS_SCHEMAS: Readonly<Record<string, OpenApiSchema>> = {
  Settings: closed(SETTINGS_PROPERTIES),
  SettingsHistory: closed({ items: { type: 'array', items: closed(HISTORY_PROPERTIES) } }),
};
