import type { OpenApiSchema } from 'nestjs-identity-session';
import { ACCOUNT_ROLES } from '../accounts/account-role.js';

const TEXT = { type: 'string' };
const ID = { type: 'string', format: 'uuid' };
const TOKEN = { type: 'string', description: 'The only copy; with `transport: bearer` alone' };
const SESSION = { $ref: '#/components/schemas/Session' };
const HEALTH = ['ok', 'degraded', 'unavailable'];

function closed(properties: Record<string, object>, optional: readonly string[] = []): OpenApiSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', required, properties, additionalProperties: false };
}

export const SCHEMAS = {
  account: closed({
    userId: ID,
    email: TEXT,
    role: { type: 'string', enum: ACCOUNT_ROLES },
    tenantId: { type: 'string', nullable: true },
    disabled: { type: 'boolean' },
    createdAt: { type: 'string', format: 'date-time' },
  }),
  signedUp: closed({ userId: ID }),
  signedIn: closed(
    {
      session: SESSION,
      token: TOKEN,
      evicted: { type: 'array', items: ID, description: 'Sessions that the policy ended for this one' },
      missing: { type: 'array', items: TEXT, description: 'Of a pending session alone: what it still requires' },
    },
    ['token', 'missing'],
  ),
  enrolment: closed({
    secret: { type: 'string', description: 'In Base32; the only copy' },
    uri: { type: 'string', description: '`otpauth://totp/…`, for a link or a QR code' },
  }),
  passwordChanged: closed({ session: SESSION, token: TOKEN }, ['token']),
  delivered: closed({
    reached: { type: 'integer', description: 'Connections that it was written to' },
    failed: { type: 'integer', description: 'Connections that did not take it' },
    offline: { type: 'boolean', description: 'Whether no device of the user is connected anywhere' },
    complete: { type: 'boolean', description: 'Whether all nodes have answered; if not, it may have reached more' },
  }),
  me: closed({ userId: ID, sessionId: ID }),
  myAccount: closed({
    userId: ID,
    email: TEXT,
    role: { type: 'string', enum: ACCOUNT_ROLES },
    tenantId: { type: 'string', nullable: true },
    factors: { type: 'array', items: { type: 'string', enum: ['totp'] } },
  }),
  health: closed({
    status: { type: 'string', enum: HEALTH },
    checks: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['status'],
        properties: { status: { type: 'string', enum: HEALTH } },
      },
    },
  }),
  metrics: TEXT,
} as const satisfies Record<string, OpenApiSchema>;
