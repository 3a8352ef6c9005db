import type { ExecutionContext } from '@nestjs/common';
import type { RequestFromSomewhere } from '../csrf/cross-site.js';
import type { RpcHeadersReader } from '../options/identity-session-options.js';
import type { AddressedRequest } from '../http/client-address.js';

/** What carries the credential in a context, and later the session: an HTTP request, or what stands for one. */
export type SessionCarrier = RequestFromSomewhere & AddressedRequest;

const RPC_CARRIERS = Symbol.for('nestjs-identity-session:rpc-carriers');

/** What stands for the request of an RPC message, by its context; one map for all copies of this module in a process. */
const rpcCarriers = ((globalThis as { [RPC_CARRIERS]?: WeakMap<object, SessionCarrier> | undefined })[RPC_CARRIERS] ??=
  new WeakMap());

/** HTTP requests, the request in a GraphQL context, a socket's handshake, an RPC context with headers. */
export function carrierOf(context: ExecutionContext): SessionCarrier | undefined {
  return asCarrier(candidateOf(context));
}

/** Asks the application for the headers of an RPC message; from then on `carrierOf` knows them. Nothing elsewhere. */
export function readRpcHeaders(context: ExecutionContext, read: RpcHeadersReader): void {
  if (context.getType() !== 'rpc') return;
  const message = context.switchToRpc();
  const rpc: unknown = message.getContext();
  if (typeof rpc !== 'object' || rpc === null || rpcCarriers.has(rpc)) return;
  const headers = read(message) as unknown;
  if (typeof headers === 'object' && headers !== null) rpcCarriers.set(rpc, { headers: textsOf(headers) });
}

/** Of what a client has sent as it pleased, only what headers can be. */
function textsOf(headers: object): Record<string, string> {
  const texts = Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts.map(([name, value]) => [name.toLowerCase(), value]));
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
      return requestOf(context.getArgByIndex<GraphqlContext | undefined>(2));
    case 'ws':
      return context.switchToWs().getClient<{ handshake?: unknown } | undefined>()?.handshake;
    default: {
      const rpc = context.switchToRpc().getContext<object | undefined>();
      return (typeof rpc === 'object' && rpcCarriers.get(rpc)) || rpc;
    }
  }
}

/** Apollo's contexts have `req`; Mercurius's have `reply.request`, or what the application puts there. */
interface GraphqlContext {
  readonly req?: unknown;
  readonly request?: unknown;
  readonly reply?: { readonly request?: unknown };
}

function requestOf(graphql: GraphqlContext | undefined): unknown {
  return graphql?.req ?? graphql?.request ?? graphql?.reply?.request;
}

function asCarrier(candidate: unknown): SessionCarrier | undefined {
  if (typeof candidate !== 'object' || candidate === null) return undefined;
  const { headers } = candidate as { headers?: unknown };
  return typeof headers === 'object' && headers !== null ? (candidate as SessionCarrier) : undefined;
}
