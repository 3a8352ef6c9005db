import { type ChangeContext, contextOf } from '../../store/change-context.js';
import type { SessionCarrier } from '../guard/carrier.js';
import { clientAddress } from '../http/client-address.js';
import type { SessionExchange } from './sign-in.js';

/** Where a change in an exchange comes from: as the caller says, or else with the address of the request. */
export function requestContext(exchange: SessionExchange, trustedProxyHops: number): ChangeContext {
  const request = exchange.request as SessionCarrier | undefined;
  if (request === undefined || exchange.ip !== undefined) return contextOf(exchange);
  return { ...contextOf(exchange), ip: clientAddress(request, trustedProxyHops) };
}
