import { WsException } from '@nestjs/websockets';
import type { IdentitySessionError } from '../core/errors.js';
import { type Problem, problemOf } from '../nest/problem/problem.js';

/** The error as clients read it: `code`, `status`, `detail`, and `retryAfterSeconds` where it is worth trying again. */
export type SocketProblem = Problem & { readonly retryAfterSeconds?: number };

export function socketProblemOf(error: IdentitySessionError): SocketProblem {
  const { retryAfterSeconds } = error.details;
  return { ...problemOf(error).problem, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

/** For a handshake: socket.io hands `data` to the client's `connect_error`. */
export function connectErrorOf(error: IdentitySessionError): Error & { readonly data: SocketProblem } {
  const data = socketProblemOf(error);
  return Object.assign(new Error(data.detail), { data });
}

/** For a gateway's handler: Nest sends it as the event `exception`. */
export function socketExceptionOf(error: IdentitySessionError): WsException {
  return new WsException(socketProblemOf(error));
}
