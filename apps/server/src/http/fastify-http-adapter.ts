import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { BadRequestException, UnsupportedMediaTypeException } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ERROR_CATALOGUE, PROBLEM_MEDIA_TYPE, type Problem } from 'nestjs-identity-session';
import { BODY_LIMIT } from './body-limit.js';

/** Fastify that reads JSON bodies and leaves all others unread, for the {@link JsonBodyInterceptor} to refuse. */
export function fastifyHttpAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    // What its router cannot read never comes to Nest.
    frameworkErrors: (error: { statusCode?: number }, _request: unknown, reply: FastifyReply) => {
      answerUnreadable(reply, error.statusCode ?? 400);
    },
    clientErrorHandler: refuseUnparsable,
  });
  readJson(adapter.getInstance<FastifyInstance>());
  return adapter;
}

function readJson(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
      done(new UnsupportedMediaTypeException());
      return;
    }
    try {
      done(null, body === '' ? undefined : JSON.parse(body as string));
    } catch {
      done(new BadRequestException());
    }
  });
  fastify.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null, undefined);
  });
}

/** What is no HTTP never comes to Fastify, which has an answer of another form for it. */
function refuseUnparsable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = UNPARSABLE[error.code ?? ''] ?? 400;
  const body = JSON.stringify(problemOfUnreadable(status, 'The request is not valid HTTP, or too large.'));
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      `Content-Type: ${PROBLEM_MEDIA_TYPE}; charset=utf-8`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Cache-Control: no-store',
      'X-Content-Type-Options: nosniff',
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

const UNPARSABLE: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

function problemOfUnreadable(status: number, detail: string): Problem {
  return {
    type: 'urn:identity-session:problem:validation-failed',
    title: ERROR_CATALOGUE.VALIDATION_FAILED[1],
    status,
    detail,
    code: 'VALIDATION_FAILED',
  };
}

function answerUnreadable(reply: FastifyReply, status: number): void {
  const problem = problemOfUnreadable(status, 'The path of the request cannot be read.');
  void reply
    .code(status)
    .headers({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
    .type(`${PROBLEM_MEDIA_TYPE}; charset=utf-8`)
    .send(JSON.stringify(problem));
}
