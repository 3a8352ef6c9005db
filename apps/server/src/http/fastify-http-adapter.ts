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

function answerUnreadable(reply: FastifyReply, status: number): void {
  const problem: Problem = {
    type: 'urn:identity-session:problem:validation-failed',
    title: ERROR_CATALOGUE.VALIDATION_FAILED[1],
    status,
    detail: 'The path of the request cannot be read.',
    code: 'VALIDATION_FAILED',
  };
  void reply
    .code(status)
    .headers({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
    .type(`${PROBLEM_MEDIA_TYPE}; charset=utf-8`)
    .send(JSON.stringify(problem));
}
