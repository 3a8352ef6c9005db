import { createParamDecorator, Inject, Injectable, type PipeTransform } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { type ChangeContext, isIdempotencyKey } from '../../store/change-context.js';
import { carrierOf, type SessionCarrier } from '../guard/carrier.js';
import { clientAddress } from '../http/client-address.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** Where a change over REST comes from: the address of who asks for it, and the key that the request bears. */
@Injectable()
export class RequestContextPipe implements PipeTransform<SessionCarrier | undefined, ChangeContext> {
  constructor(@Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'trustProxyHops'>) {}

  /** @throws IdentitySessionError `VALIDATION_FAILED` for an `Idempotency-Key` that is none */
  transform(request: SessionCarrier | undefined): ChangeContext {
    if (request === undefined) return { source: 'rest' };
    const ip = clientAddress(request, this.options.trustProxyHops);
    return { source: 'rest', ip, ...keyOf(request.headers['idempotency-key']) };
  }
}

function keyOf(header: string | string[] | undefined): Pick<ChangeContext, 'idempotencyKey'> {
  if (header === undefined) return {};
  if (isIdempotencyKey(header)) return { idempotencyKey: header };
  throw new IdentitySessionError(
    'VALIDATION_FAILED',
    'An Idempotency-Key has 1 to 128 printable characters of ASCII, and there is one of them.',
    { errors: [{ field: 'Idempotency-Key', message: 'is not valid' }] },
  );
}

/** A context with the tags of the request's body. */
export function tagged(context: ChangeContext, tags: readonly string[] | undefined): ChangeContext {
  return tags === undefined ? context : { ...context, tags };
}

const Carrier = createParamDecorator((_data: unknown, context) => carrierOf(context));

/** The `ChangeContext` of the request. */
export const RequestContext = (): ParameterDecorator => Carrier(RequestContextPipe);
