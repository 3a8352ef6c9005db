import { ERROR_CATALOGUE, type ErrorCode } from '../../core/errors.js';
import { FRAMEWORK_CODES, PROBLEM_MEDIA_TYPE, problemType } from '../problem/problem.js';
import type { OpenApiSchema } from './open-api.js';

/** Every code that an answer can have: the module's and the framework's. */
export type ProblemCode = ErrorCode | 'NOT_FOUND' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE';

const CATALOGUE: Readonly<Record<string, readonly [status: number, title: string]>> = {
  ...Object.fromEntries(
    Object.entries(FRAMEWORK_CODES).map(([status, [code, title]]) => [code, [Number(status), title] as const]),
  ),
  ...ERROR_CATALOGUE,
};

const AUTHENTICATE = { 'WWW-Authenticate': { schema: { type: 'string' }, description: 'How to authenticate' } };
const RETRY_AFTER = { 'Retry-After': { schema: { type: 'string' }, description: 'Seconds after which to try again' } };
const HEADERS: Readonly<Record<number, object>> = { 401: AUTHENTICATE, 429: RETRY_AFTER, 503: RETRY_AFTER };

/** The schema of every error. @see RFC 9457 */
export const PROBLEM_SCHEMA: OpenApiSchema = {
  type: 'object',
  description: 'What went wrong (RFC 9457). `code` is stable; texts may change.',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer', description: 'The same as the status of the answer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    errors: {
      type: 'array',
      description: 'With `VALIDATION_FAILED`: what is wrong, field by field',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: { field: { type: 'string' }, message: { type: 'string' } },
      },
    },
    requirements: {
      type: 'array',
      description: 'With `SESSION_PENDING`: the names of what is missing',
      items: { type: 'string' },
    },
  },
};

/** The responses of the given codes, by status, each with an example of every code. */
export function problemResponses(codes: readonly ProblemCode[]): Record<string, object> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(codes)) {
    const status = entryOf(code)[0];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, found]) => [String(status), responseOf(status, found)]));
}

function responseOf(status: number, codes: readonly ProblemCode[]): object {
  const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }]));
  return {
    description: codes.map((code) => `${code}: ${entryOf(code)[1]}`).join('. '),
    ...(HEADERS[status] === undefined ? {} : { headers: HEADERS[status] }),
    content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' }, examples } },
  };
}

function exampleOf(code: ProblemCode): object {
  const [status, title] = entryOf(code);
  return { type: problemType(code), title, status, detail: `${title}.`, code };
}

function entryOf(code: ProblemCode): readonly [number, string] {
  const entry = CATALOGUE[code];
  if (entry === undefined) throw new Error(`${code} is no code of an error.`);
  return entry;
}
