import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';

/** What a client was told before its connection was closed. */
export interface Told {
  readonly sessionId: string;
  readonly code: string;
  readonly reason: string;
  readonly at: string;
}

export interface ConnectRefusal {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly retryAfterSeconds?: number;
}

const PATIENCE_MS = 25_000;

/** A real client over a connection of its own. */
export class SocketClient {
  readonly told: Told[] = [];
  readonly exceptions: unknown[] = [];
  disconnectReason: string | undefined;

  private constructor(readonly socket: Socket) {
    socket.on('session:revoked', (told: Told) => this.told.push(told));
    socket.on('exception', (problem) => this.exceptions.push(problem));
    socket.on('disconnect', (reason) => (this.disconnectReason = reason));
  }

  /** Not connected yet. */
  static open(url: string, options: Partial<ManagerOptions & SocketOptions> = {}): SocketClient {
    return new SocketClient(io(url, { forceNew: true, reconnection: false, transports: ['websocket'], ...options }));
  }

  /** Connected; rejects with why it was refused. */
  static async connect(url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Promise<SocketClient> {
    const client = SocketClient.open(url, options);
    const refusal = await client.outcome();
    if (refusal !== undefined) throw new Error(`The connection was refused: ${JSON.stringify(refusal)}`);
    return client;
  }

  /** `undefined` once connected, else why not. */
  outcome(): Promise<ConnectRefusal | undefined> {
    const { socket } = this;
    if (socket.connected) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      socket.once('connect', () => {
        resolve(undefined);
      });
      socket.once('connect_error', (error: Error & { data?: ConnectRefusal }) => {
        this.close();
        resolve(error.data ?? { code: error.message, status: 0, detail: error.message });
      });
    });
  }

  /** Once the server has closed it; gives what the client was told at last. */
  async closed(): Promise<Told | undefined> {
    const { socket } = this;
    if (socket.connected) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error('The connection is still open.'));
        }, PATIENCE_MS);
        socket.once('disconnect', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    this.close();
    return this.told.at(-1);
  }

  /** The answer to a message. */
  ask(event: string, data: unknown = null): Promise<unknown> {
    return this.socket.timeout(PATIENCE_MS).emitWithAck(event, data);
  }

  close(): void {
    this.socket.close();
  }
}
