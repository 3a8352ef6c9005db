import { randomUUID } from 'node:crypto';
import type { Server } from 'socket.io';
import type { NodeLink } from './node-link.js';

const EVENT = 'identity-session:node';

/** Gets what other servers have published, and who it is that hears it. Must not throw. */
export type NodeListener = (text: string, ear: Ear) => void;

/** One server that hears. Of several servers of a node, the first speaks for the node; the others say that they are there. */
export interface Ear {
  readonly id: string;
  readonly speaks: boolean;
}

/** Texts between the nodes, over socket.io's adapter. Order is kept; what cannot be sent is lost. */
export class NodeBus {
  /** Unique over all nodes, and with each start. */
  readonly node = randomUUID();
  readonly #servers: Server[] = [];
  readonly #listeners = new Set<NodeListener>();

  constructor(private readonly link: NodeLink | null) {}

  /** Whether there can be other nodes. */
  get isCluster(): boolean {
    return this.link !== null;
  }

  /** Whether other nodes can be heard, as far as this one can tell. */
  get isUp(): boolean {
    return this.#servers.length > 0 && this.link?.isUp === true;
  }

  bind(server: Server): void {
    const ear = { id: `${this.node}/${this.#servers.length}`, speaks: this.#servers.length === 0 };
    this.#servers.push(server);
    server.of('/').on(EVENT, (text: unknown) => {
      if (typeof text !== 'string') return;
      for (const listener of this.#listeners) listener(text, ear);
    });
  }

  listen(listener: NodeListener): void {
    this.#listeners.add(listener);
  }

  /** To all other servers. */
  publish(text: string): void {
    if (this.link !== null) this.#servers[0]?.of('/').serverSideEmit(EVENT, text);
  }

  /** Other servers that are there; rejects where that cannot be told now. */
  async others(): Promise<number> {
    const [server] = this.#servers;
    if (this.link === null || server === undefined) return 0;
    return Math.max(0, (await server.of('/').adapter.serverCount()) - 1);
  }
}
