import { z } from 'zod';
import type { OpenApiOperation, OpenApiSchema } from './open-api.js';
import { type ProblemCode, problemResponses } from './problem-responses.js';

export interface OperationAnswer {
  readonly description: string;
  /** Absent: no body. */
  readonly schema?: OpenApiSchema;
  /** By media type, where it is not JSON. */
  readonly mediaType?: string;
}

/** What is to be said of an operation; the rest follows. */
export interface OperationInput {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** What the path's parameters mean. */
  readonly path?: Readonly<Record<string, string>>;
  /** A strict object of strings. */
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly bodyExample?: object;
  readonly answers: Readonly<Record<number, OperationAnswer>>;
  /** Beside those that every operation of its kind has. */
  readonly errors?: readonly ProblemCode[];
  /** No session is needed. */
  readonly isOpen?: boolean;
}

/** What the guard answers. */
const GUARDED: readonly ProblemCode[] = [
  'SESSION_MISSING',
  'SESSION_INVALID',
  'SESSION_EXPIRED',
  'SESSION_REVOKED',
  'SESSION_EVICTED',
  'SESSION_SIGNED_OUT',
  'SESSION_PENDING',
  'SESSION_SUSPENDED',
  'SESSION_STORE_UNAVAILABLE',
];
/** What hooks answer, where the application has some. */
export const HOOKS: readonly ProblemCode[] = ['REFUSED_BY_HOOK', 'HOOK_FAILED'];
const WITH_BODY: readonly ProblemCode[] = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

/** Describes an operation with its parameters, body, answers and every error that it can have. */
export function describeOperation(input: OperationInput): OpenApiOperation {
  const { tag, summary, description, answers } = input;
  const parameters = [...pathParameters(input.path ?? {}), ...queryParameters(input.query)];
  const takesInput = input.query !== undefined || input.body !== undefined;
  const codes: ProblemCode[] = [
    ...(takesInput ? (['VALIDATION_FAILED'] as const) : []),
    ...(input.isOpen === true ? [] : GUARDED),
    ...(input.body === undefined ? [] : WITH_BODY),
    ...(input.errors ?? []),
  ];
  return {
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(input.body === undefined ? {} : { requestBody: requestBody(input.body, input.bodyExample) }),
    responses: { ...Object.fromEntries(Object.entries(answers).map(answerOf)), ...problemResponses(codes) },
    ...(input.isOpen === true ? { security: [] as const } : {}),
  };
}

function answerOf([status, { description, schema, mediaType = 'application/json' }]: [string, OperationAnswer]) {
  return [status, { description, ...(schema === undefined ? {} : { content: { [mediaType]: { schema } } }) }] as const;
}

function pathParameters(path: Readonly<Record<string, string>>): object[] {
  return Object.entries(path).map(([name, description]) => ({
    ...{ name, in: 'path', required: true, description, schema: { type: 'string' } },
  }));
}

function queryParameters(query: z.ZodType | undefined): object[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query) as {
    readonly properties?: Record<string, OpenApiSchema>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: 'query', required: required.includes(name), schema },
    ...(description === undefined ? {} : { description }),
  }));
}

function requestBody(body: z.ZodType, example: object | undefined): object {
  const content = { schema: schemaOf(body), ...(example === undefined ? {} : { example }) };
  return { required: true, content: { 'application/json': content } };
}

function schemaOf(schema: z.ZodType): OpenApiSchema {
  return z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', unrepresentable: 'any' });
}
