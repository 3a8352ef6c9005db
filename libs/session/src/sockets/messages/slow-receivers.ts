import type { Socket } from 'socket.io';
import type { LocalConnections } from '../local-connections.js';

const LOOK_EVERY_MS = 1_000;

/** Of engine.io, what its types keep to itself. */
interface Engine {
  readonly writeBuffer: readonly unknown[];
  readonly transport: { readonly socket?: { terminate?: () => void } };
}

/** Disconnects clients that do not take what they are sent, before it fills the memory of everybody. */
export class SlowReceivers {
  /** Since the node began. */
  readonly counts = { slow: 0 };
  #cancel: (() => void) | undefined;

  constructor(
    private readonly connections: LocalConnections,
    private readonly maxQueuedMessages: number,
    private readonly schedule: (task: () => void, delayMs: number) => () => void,
  ) {}

  /** Looks at all connections once a second: the application may send past this module. */
  start(): void {
    this.#cancel = this.schedule(() => {
      for (const { socket } of this.connections.all()) this.check(socket);
      this.start();
    }, LOOK_EVERY_MS);
  }

  stop(): void {
    this.#cancel?.();
  }

  /** False where the client was too far behind, and is disconnected. */
  check({ conn }: Socket): boolean {
    const { writeBuffer, transport } = conn as unknown as Engine;
    if (writeBuffer.length <= this.maxQueuedMessages || conn.readyState !== 'open') return true;
    this.counts.slow += 1;
    conn.close(true);
    // It does not read the goodbye either, and what the system holds for it would stay for half a minute.
    transport.socket?.terminate?.();
    return false;
  }
}
