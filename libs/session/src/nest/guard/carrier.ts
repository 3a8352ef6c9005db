import type { ExecutionContext } from '@nestjs/common';
import type { RequestFromSomewhere } from '../csrf/cross-site.js';
import type { AddressedRequest } from '../http/client-address.js';

/** What carries the credential in a context, and later the session: an HTTP request, or what stands for one. */
export type SessionCarrier = RequestFromSomewhere & AddressedRequest;

/** HTTP requests, the request in a GraphQL context, a socket's handshake, an RPC context with headers. */
export function carrierOf(context: ExecutionContext): SessionCarrier | undefined {
  return asCarrier(candidateOf(context));
}

/** The response that belongs to the carrier, where there is one. */
export function responseOf(context: ExecutionContext): unknown {
  if (context.getType() === 'http') return context.switchToHttp().getResponse<unknown>();
  if (context.getType<string>() !== 'graphql') return undefined;
  const graphql = context.getArgByIndex<{ res?: unknown; reply?: unknown } | undefined>(2);
  return graphql?.res ?? graphql?.reply;
}

function candidateOf(context: ExecutionContext): unknown {
  switch (context.getType<string>()) {
    case 'http':
      return context.switchToHttp().getRequest();
    case 'graphql':
      return requestOf(context.getArgByIndex<{ req?: unknown; request?: unknown } | undefined>(2));
    case 'ws':
      return context.switchToWs().getClient<{ handshake?: unknown } | undefined>()?.handshake;
    default:
      return context.switchToRpc().getContext();
  }
}

/** Apollo's contexts have `req`; Mercurius's have `reply.request`, or what the application puts there. */
function requestOf(graphql: { req?: unknown; request?: unknown } | undefined): unknown {
  return graphql?.req ?? graphql?.request;
}

function asCarrier(candidate: unknown): SessionCarrier | undefined {
  if (typeof candidate !== 'object' || candidate === null) return undefined;
  const { headers } = candidate as { headers?: unknown };
  return typeof headers === 'object' && headers !== null ? (candidate as SessionCarrier) : undefined;
}
