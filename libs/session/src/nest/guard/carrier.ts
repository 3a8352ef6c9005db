import type { ExecutionContext } from '@nestjs/common';
import type { RequestFromSomewhere } from '../csrf/cross-site.js';
import type { RpcHeadersReader } from '../options/identity-session-options.js';
import type { AddressedRequest } from '../http/client-address.js';

/** What carries the credential in a context, and later the session: an HTTP request, or what stands for one. */
export type SessionCarrier = RequestFromSomewhere & AddressedRequest;

const RPC_MESSAGES = Symbol.for('nestjs-identity-session:rpc-messages');

/** What is known of an RPC message. */
interface RpcMessage {
  /** Of its call; another message's are other ones. */
  readonly args: readonly unknown[];
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Stands for a request: the context itself where the application gives no headers; nothing where messages cannot be told apart. */
  readonly carrier: object | undefined;
}

/**
 * Messages by context and payload, since a transport may hand one context to all its messages; one map for all copies of
 * this module in a process.
 */
const rpcMessages = ((globalThis as { [RPC_MESSAGES]?: WeakMap<object, WeakMap<object, RpcMessage>> | undefined })[
  RPC_MESSAGES
] ??= new WeakMap());

/** HTTP requests, the request in a GraphQL context, a socket's handshake, an RPC context with headers. */
export function carrierOf(context: ExecutionContext): SessionCarrier | undefined {
  return asCarrier(candidateOf(context));
}

/**
 * Asks the application for the headers of an RPC message; from then on `carrierOf` knows them. Nothing elsewhere. Messages
 * that have context and payload in common and headers not have no session: one could be answered as the other.
 */
export function readRpcHeaders(context: ExecutionContext, read: RpcHeadersReader): void {
  if (context.getType() !== 'rpc') return;
  const message = context.switchToRpc();
  const rpc: unknown = message.getContext();
  if (typeof rpc !== 'object' || rpc === null) return;
  const args = context.getArgs();
  const key = payloadKey(message.getData(), rpc);
  const known = rpcMessages.get(rpc)?.get(key);
  // Several guards look at one message.
  if (known?.args === args) return;
  const given = read(message) as unknown;
  const headers = typeof given === 'object' && given !== null ? textsOf(given) : undefined;
  let byPayload = rpcMessages.get(rpc);
  if (byPayload === undefined) rpcMessages.set(rpc, (byPayload = new WeakMap()));
  if (known === undefined) byPayload.set(key, { args, headers, carrier: headers === undefined ? rpc : { headers } });
  else if (isSame(known.headers, headers)) byPayload.set(key, { ...known, args });
  else byPayload.set(key, { args, headers: undefined, carrier: undefined });
}

function payloadKey(data: unknown, rpc: object): object {
  return typeof data === 'object' && data !== null ? data : rpc;
}

function isSame(a: RpcMessage['headers'], b: RpcMessage['headers']): boolean {
  if (a === undefined || b === undefined) return a === b;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
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
      const message = context.switchToRpc();
      const rpc = message.getContext<object | null | undefined>();
      const known = typeof rpc === 'object' && rpc !== null ? rpcMessages.get(rpc) : undefined;
      const found = known?.get(payloadKey(message.getData(), rpc as object));
      return found === undefined ? rpc : found.carrier;
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
