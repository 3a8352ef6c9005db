import type { IncomingMessage } from 'node:http';
import {
  Injectable,
  UnsupportedMediaTypeException,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Observable } from 'rxjs';

const JSON_TYPE = /^application\/json *(?:;|$)/i;

/**
 * Refuses bodies that are not JSON with 415. It runs behind the guards, so that a form sent from another site with a
 * session's cookie is told that first, and before anything reads the body.
 */
@Injectable()
export class JsonBodyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const { headers } = context.switchToHttp().getRequest<Pick<IncomingMessage, 'headers'>>();
    if (hasBody(headers) && !JSON_TYPE.test(headers['content-type'] ?? '')) throw new UnsupportedMediaTypeException();
    return next.handle();
  }
}

function hasBody(headers: IncomingMessage['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
