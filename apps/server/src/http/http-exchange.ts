import type { AddressedRequest } from 'nestjs-identity-session';

/** The request to answer and the response to write the cookie to. */
export interface HttpExchange {
  readonly request: AddressedRequest;
  readonly response: object;
}

/** Whether the client keeps its token itself, and must be told a new one. */
export function isBearer(request: AddressedRequest): boolean {
  return request.headers['authorization'] !== undefined;
}
