import { IdentitySessionError } from '../../core/errors.js';

type HeaderValue = number | string | string[] | undefined;

/** Node's ServerResponse, and so Express's Response. */
interface NodeResponse {
  getHeader(name: string): HeaderValue;
  setHeader(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): unknown;
}

/** Fastify's Reply. `header` appends to Set-Cookie and replaces every other header. */
interface FastifyReply {
  getHeader(name: string): HeaderValue;
  removeHeader(name: string): unknown;
  header(name: string, value: string | readonly string[]): unknown;
}

/**
 * Sets a header in place of whatever it was, on an Express Response, a Fastify Reply or Node's ServerResponse. The
 * framework is told by its methods; none is imported.
 * @throws IdentitySessionError `CONFIGURATION_INVALID` where `response` is none of them. Node throws its own error once
 * the headers are sent, so that nothing is lost silently.
 */
export function setHeader(response: unknown, name: string, value: string): void {
  write(headersOf(response), name, value);
}

/**
 * Adds a line to a header and keeps those that are there, in their order. Lines for which `replaces` is true make way.
 * On Fastify, lines that middleware put on the raw response are kept as well.
 * @throws as `setHeader` does
 */
export function appendHeader(
  response: unknown,
  name: string,
  value: string,
  replaces: (line: string) => boolean = () => false,
): void {
  const headers = headersOf(response);
  const kept = linesOf(headers.getHeader(name)).filter((line) => !replaces(line));
  write(headers, name, kept.length === 0 ? value : [...kept, value]);
}

/**
 * Takes a header away, if it is there.
 * @throws as `setHeader` does
 */
export function removeHeader(response: unknown, name: string): void {
  headersOf(response).removeHeader(name);
}

function linesOf(value: HeaderValue): readonly string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [String(value)];
}

function write(headers: NodeResponse | FastifyReply, name: string, value: string | readonly string[]): void {
  if ('setHeader' in headers) {
    headers.setHeader(name, value);
  } else {
    headers.removeHeader(name);
    headers.header(name, value);
  }
}

function headersOf(response: unknown): NodeResponse | FastifyReply {
  if (has(response, 'getHeader')) {
    if (has(response, 'setHeader')) return response as NodeResponse;
    if (has(response, 'header') && has(response, 'removeHeader')) return response as unknown as FastifyReply;
  }
  throw new IdentitySessionError(
    'CONFIGURATION_INVALID',
    'The response has no methods to set headers. Pass the Response of Express, the Reply of Fastify or the ' +
      'ServerResponse of Node; in GraphQL, put it into the context and pass it from there.',
  );
}

function has<Method extends string>(value: unknown, method: Method): value is Record<Method, unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function'
  );
}
