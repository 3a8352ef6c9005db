import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  type NestMiddleware,
} from '@nestjs/common';
import { carrierOf } from '../guard/carrier.js';
import { sessionOf } from '../guard/route.decorators.js';
import { RequestScope } from './request-scope.js';

/** Opens the collection of a request around its handler, whatever the transport. For `perRequest: true`. */
@Injectable()
export class RequestSessionsInterceptor implements NestInterceptor {
  constructor(@Inject(RequestScope) private readonly scope: RequestScope) {}

  intercept(context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    const carrier = carrierOf(context);
    return this.scope.run(carrier, (collection) => {
      collection.admitted(sessionOf(carrier));
      return next.handle();
    });
  }
}

/**
 * Opens the collection of an HTTP request before its guards, for those that look for sessions themselves:
 * `consumer.apply(RequestSessionsMiddleware).forRoutes('*path')`.
 */
@Injectable()
export class RequestSessionsMiddleware implements NestMiddleware {
  constructor(@Inject(RequestScope) private readonly scope: RequestScope) {}

  use(_request: object, _response: unknown, next: () => void): void {
    this.scope.runAlone(next);
  }
}
