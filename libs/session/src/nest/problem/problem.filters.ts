import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Inject,
  Injectable,
  Logger,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import { IdentitySessionError } from '../../core/errors.js';
import { setHeader } from '../http/response-headers.js';
import { type Problem, problemOf, problemOfStatus, type ProblemAnswer } from './problem.js';

const LOG_INTERVAL_MS = 5_000;

/** Sends a problem on whatever adapter; over RPC it is an error with `code` and `status`, in GraphQL they are its `extensions`. */
abstract class ProblemResponder {
  protected readonly logger = new Logger('IdentitySession');
  readonly #loggedAt = new Map<string, number>();

  protected constructor(private readonly adapters: HttpAdapterHost) {}

  /** Tells of a failure that is ours, each kind at most once in a while: a database that is away fails every request. */
  protected logFailure(error: IdentitySessionError): void {
    if (error.statusCode < 500) return;
    const now = performance.now();
    if (now - (this.#loggedAt.get(error.code) ?? Number.NEGATIVE_INFINITY) < LOG_INTERVAL_MS) return;
    this.#loggedAt.set(error.code, now);
    // Of the cause the text alone: the driver keeps the parameters of a statement with it.
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
    this.logger.error(`${error.code}: ${error.message}${cause}`);
  }

  protected answer(host: ArgumentsHost, error: unknown, { problem, headers }: ProblemAnswer): unknown {
    const kind = host.getType<string>();
    if (kind === 'rpc') return throwError(() => problem);
    if (kind === 'graphql') throw withExtensions(error, problem);
    if (kind !== 'http') throw error;
    const response = host.switchToHttp().getResponse<object>();
    const { httpAdapter } = this.adapters;
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response);
      return undefined;
    }
    for (const [name, value] of Object.entries(headers)) setHeader(response, name, value);
    // As text: a framework that serialises objects would choose the media type itself.
    httpAdapter.reply(response, JSON.stringify(problem), problem.status);
    return undefined;
  }
}

/** Answers the module's own errors as problems; everything else is left to the application. Installed by the module. */
@Injectable()
@Catch(IdentitySessionError)
export class IdentitySessionErrorFilter extends ProblemResponder implements ExceptionFilter<IdentitySessionError> {
  constructor(@Inject(HttpAdapterHost) adapters: HttpAdapterHost) {
    super(adapters);
  }

  catch(error: IdentitySessionError, host: ArgumentsHost): unknown {
    this.logFailure(error);
    return this.answer(host, error, problemOf(error));
  }
}

/**
 * Answers every error of an application as a problem, the framework's too. Unexpected ones are logged and answered
 * with 500 without a word of their cause. For `APP_FILTER`.
 */
@Injectable()
@Catch()
export class ProblemDetailsFilter extends ProblemResponder implements ExceptionFilter {
  constructor(@Inject(HttpAdapterHost) adapters: HttpAdapterHost) {
    super(adapters);
  }

  catch(error: unknown, host: ArgumentsHost): unknown {
    if (error instanceof IdentitySessionError) {
      this.logFailure(error);
      return this.answer(host, error, problemOf(error));
    }
    const status = statusOf(error);
    if (status >= 500) this.logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return this.answer(host, error, problemOfStatus(status));
  }
}

/** Servers of GraphQL answer with the `extensions` of what was thrown. */
function withExtensions(error: unknown, { code, status }: Problem): unknown {
  return error instanceof IdentitySessionError ? Object.assign(error, { extensions: { code, status } }) : error;
}

/** The status of an error of Nest, of a body parser or of Fastify; anything else is ours to mend. */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const { status, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const given = statusCode ?? status;
  return typeof given === 'number' && Number.isInteger(given) && given >= 400 && given < 500 ? given : 500;
}
