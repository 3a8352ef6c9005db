import { ERROR_CATALOGUE, type ErrorCode, IdentitySessionError } from '../../core/errors.js';

/** An error as it is answered: RFC 9457. `status` equals the status of the answer. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly [extension: string]: unknown;
}

/** A problem and the headers that belong to it. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** The answer to an error of the module. */
export function problemOf(error: IdentitySessionError): ProblemAnswer {
  const { retryAfterSeconds, allow, errors, extensions } = error.details;
  // A mistake of the application is not the client's to read.
  const detail = error.statusCode === 500 ? 'The server is not set up correctly.' : error.message;
  return {
    problem: {
      ...makeProblem(error.code, error.statusCode, error.title, detail),
      ...(errors === undefined ? {} : { errors }),
      ...extensions,
    },
    headers: {
      ...headersOf(error.statusCode),
      ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
      ...(allow === undefined ? {} : { Allow: allow.join(', ') }),
    },
  };
}

/** Codes of answers that come from the framework rather than from the module. */
export const FRAMEWORK_CODES: Readonly<Record<number, readonly [code: string, title: string]>> = {
  400: ['VALIDATION_FAILED', ERROR_CATALOGUE.VALIDATION_FAILED[1]],
  403: ['FORBIDDEN', ERROR_CATALOGUE.FORBIDDEN[1]],
  404: ['NOT_FOUND', 'There is nothing here'],
  405: ['METHOD_NOT_ALLOWED', ERROR_CATALOGUE.METHOD_NOT_ALLOWED[1]],
  413: ['PAYLOAD_TOO_LARGE', 'The request is too large'],
  415: ['UNSUPPORTED_MEDIA_TYPE', 'The content type is not supported'],
  429: ['TOO_MANY_REQUESTS', ERROR_CATALOGUE.TOO_MANY_REQUESTS[1]],
};

/** The answer to an error of the framework, told by its status; texts of the framework are not repeated. */
export function problemOfStatus(status: number): ProblemAnswer {
  const known = FRAMEWORK_CODES[status];
  const [code, title] =
    known ??
    (status >= 500 ? ['INTERNAL_ERROR', 'Something went wrong'] : ['REQUEST_REFUSED', 'The request was refused']);
  return { problem: makeProblem(code, status, title, `${title}.`), headers: headersOf(status) };
}

function makeProblem(code: ErrorCode | (string & {}), status: number, title: string, detail: string): Problem {
  return {
    type: problemType(code),
    title,
    status,
    detail,
    code,
  };
}

/** The URI that names a kind of problem. */
export function problemType(code: string): string {
  return `urn:identity-session:problem:${code.toLowerCase().replaceAll('_', '-')}`;
}

function headersOf(status: number): Record<string, string> {
  return {
    'Content-Type': `${PROBLEM_MEDIA_TYPE}; charset=utf-8`,
    'Cache-Control': 'no-store',
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer realm="session"' } : {}),
  };
}
