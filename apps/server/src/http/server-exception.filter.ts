import { Catch, NotFoundException, type ArgumentsHost } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { IdentitySessionError, ProblemDetailsFilter } from 'nestjs-identity-session';
import { RouteTable } from './route-table.js';

/** The library's problem documents, and 405 where a path exists but not with the method. */
@Catch()
export class ServerExceptionFilter extends ProblemDetailsFilter {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly routes: RouteTable,
  ) {
    super(adapterHost);
  }

  override catch(exception: unknown, host: ArgumentsHost): unknown {
    return super.catch(exception instanceof NotFoundException ? this.#unrouted(exception, host) : exception, host);
  }

  #unrouted(exception: NotFoundException, host: ArgumentsHost): Error {
    const { httpAdapter } = this.adapterHost;
    const request = host.switchToHttp().getRequest<unknown>();
    const method = String(httpAdapter.getRequestMethod(request));
    const [path = '/'] = String(httpAdapter.getRequestUrl(request)).split('?');
    const allow = this.routes.methodsOf(path);
    // A handler that ran has found nothing under a path that exists.
    if (allow.length === 0 || allow.includes(method)) return exception;
    return new IdentitySessionError('METHOD_NOT_ALLOWED', `${method} is not among the methods of this path.`, {
      allow,
    });
  }
}
