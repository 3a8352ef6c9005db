import type { RedisConnection } from '../../redis/redis-connection.js';
import type { HintListener, HintTransport } from '../hints.js';

/** A longer message is no probe, and is not worth reading. */
const LONGEST_PROBE = 64;

/** Hints by the publish and subscribe of Redis. */
export class RedisHints implements HintTransport {
  constructor(
    private readonly commands: RedisConnection,
    /** Listens and does nothing else. */
    private readonly subscriber: RedisConnection,
    private readonly channel: string,
  ) {}

  async send(text: string): Promise<void> {
    const outcome = await this.commands.call(['PUBLISH', this.channel, text]);
    if (outcome.kind !== 'reply') throw new Error(`Redis: ${outcome.kind === 'error' ? outcome.code : outcome.kind}`);
  }

  open(listener: HintListener): void {
    this.subscriber.subscribe(
      this.channel,
      (message) => {
        listener.onMessage(message.length > LONGEST_PROBE ? '' : message.toString('latin1'));
      },
      () => {
        listener.onOpen();
      },
    );
    this.subscriber.open();
  }

  async close(): Promise<void> {
    await this.subscriber.close();
  }
}
