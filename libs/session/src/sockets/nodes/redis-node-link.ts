import type { Namespace } from 'socket.io';
import type { RedisConnection } from '../../redis/redis-connection.js';
import type { RedisListener } from '../../redis/load-redis.js';
import type { AdapterPackage, ClusterAdapter } from './load-adapter.js';
import { type AdapterFactory, type NodeLink, untilUp } from './node-link.js';

/** What `@socket.io/redis-adapter` takes. */
export type RedisAdapterArguments = readonly [publisher: object, subscriber: object, options: object];

export interface RedisNodeLinkPorts {
  readonly createAdapter: AdapterPackage<RedisAdapterArguments>['createAdapter'];
  /** One that sends, and one that does nothing but listen. */
  readonly commands: RedisConnection;
  readonly subscriber: RedisConnection;
  /** What the names of its channels begin with. */
  readonly prefix: string;
  /** What is longer comes from nobody who may be believed. */
  readonly longestBytes: number;
}

/** Of the adapter, what its types keep to itself. */
interface PatchedAdapter extends ClusterAdapter {
  onrequest(channel: unknown, message: unknown): Promise<void>;
}

/** Of the adapter: it throws where a message is none. */
type AdapterListener = (message: Buffer, channel: Buffer) => unknown;

/** Nodes reach each other through Redis: `@socket.io/redis-adapter` on connections that fail quietly. */
export class RedisNodeLink implements NodeLink {
  readonly figures = { unsent: 0, malformed: 0 };
  readonly #adapters = new Set<ClusterAdapter>();

  readonly #refuse = (): void => {
    this.figures.malformed += 1;
  };

  constructor(private readonly ports: RedisNodeLinkPorts) {}

  get isUp(): boolean {
    return this.ports.commands.isReady && this.ports.subscriber.isReady;
  }

  adapter(): AdapterFactory {
    const make = this.ports.createAdapter(this.#publisher(), this.#subscriber(), { key: this.ports.prefix });
    const adapters = this.#adapters;
    const refuse = this.#refuse;
    return function adapterOf(namespace: Namespace) {
      const adapter = make(namespace) as PatchedAdapter;
      const onrequest = adapter.onrequest.bind(adapter);
      // The adapter waits for this nowhere, and what is no request would end the process.
      adapter.onrequest = (channel, message) => onrequest(channel, message).catch(refuse);
      const close = adapter.close.bind(adapter);
      adapter.close = () => {
        if (adapters.delete(adapter)) return close();
      };
      adapters.add(adapter);
      return adapter;
    } as unknown as AdapterFactory;
  }

  async open(): Promise<void> {
    this.ports.commands.open();
    this.ports.subscriber.open();
    await untilUp(this);
  }

  async close(): Promise<void> {
    for (const adapter of this.#adapters) await adapter.close();
    await Promise.all([this.ports.commands.close(), this.ports.subscriber.close()]);
  }

  /** The adapter awaits nothing that it sends: what rejects would end the process. */
  #publisher(): object {
    const { commands } = this.ports;
    return {
      publish: async (channel: string, message: string | Uint8Array): Promise<void> => {
        const bytes = typeof message === 'string' ? message : Buffer.from(message);
        const { kind } = await commands.call(['PUBLISH', channel, bytes]);
        if (kind !== 'reply') this.figures.unsent += 1;
      },
      sendCommand: async (args: readonly string[]): Promise<unknown> => {
        const outcome = await commands.call(args);
        if (outcome.kind === 'reply') return outcome.value;
        throw new Error(`Redis did not answer: ${outcome.kind}`);
      },
      ...LIKE_A_CLIENT,
    };
  }

  #subscriber(): object {
    const { subscriber } = this.ports;
    const ends = new Map<string, () => void>();
    const subscribe = (channel: string, listener: AdapterListener, isPattern: boolean): void => {
      const safe = this.#safely(listener);
      ends.set(
        channel,
        subscriber.subscribe(channel, safe, () => undefined, isPattern),
      );
    };
    const unsubscribe = (channel: string): Promise<void> => {
      ends.get(channel)?.();
      ends.delete(channel);
      return Promise.resolve();
    };
    return {
      ...LIKE_A_CLIENT,
      subscribe: (channels: readonly string[], listener: AdapterListener): Promise<void> => {
        for (const channel of channels) subscribe(channel, listener, false);
        return Promise.resolve();
      },
      pSubscribe: (pattern: string, listener: AdapterListener): Promise<void> => {
        subscribe(pattern, listener, true);
        return Promise.resolve();
      },
      unsubscribe,
      pUnsubscribe: unsubscribe,
    };
  }

  /** What is no message would throw where nobody catches it. */
  #safely(listener: AdapterListener): RedisListener {
    return (message, channel) => {
      if (message.length > this.ports.longestBytes) {
        this.#refuse();
        return;
      }
      try {
        listener(message, channel);
      } catch {
        this.#refuse();
      }
    };
  }
}

const nothing = (): Promise<void> => Promise.resolve();

/** By these the adapter knows the package `redis` from another, and looks for listeners that there are. */
const LIKE_A_CLIENT = { pSubscribe: nothing, sSubscribe: nothing, on: nothing, off: nothing };
