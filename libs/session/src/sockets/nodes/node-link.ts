import type { ServerOptions } from 'socket.io';

/** What socket.io makes the adapter of each namespace with. */
export type AdapterFactory = NonNullable<ServerOptions['adapter']>;

/** Since the node began. */
export interface NodeLinkFigures {
  /** Messages for other nodes that were given up: too many waited, or what carries them was away. */
  readonly unsent: number;
  /** What came from other nodes and was no message, or too long for one. */
  readonly malformed: number;
}

/**
 * How the socket.io servers of several nodes reach each other: through one of socket.io's own adapters. Whatever becomes of
 * what carries the messages, none of it ends the process or holds up connections of this node; what cannot be sent is lost.
 */
export interface NodeLink {
  readonly figures: NodeLinkFigures;
  /** Whether other nodes can be heard, as far as this one can tell. */
  readonly isUp: boolean;
  /** For one server. What it sends before `open` is lost. */
  adapter(): AdapterFactory;
  /** Resolves once other nodes are heard, or after a second. */
  open(): Promise<void>;
  /** After the servers have closed. */
  close(): Promise<void>;
}

/** A start waits no longer for what carries messages. */
const OPEN_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 10;

export async function untilUp(link: Pick<NodeLink, 'isUp'>): Promise<void> {
  const deadline = performance.now() + OPEN_WITHIN_MS;
  while (!link.isUp && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
