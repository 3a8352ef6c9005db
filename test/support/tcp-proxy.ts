import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * A wire between the application and its database that can be cut, stalled, or made to lose an answer. Listens on
 * loopback only.
 */
export class TcpProxy {
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  #stalled = false;
  #refusing = false;
  /** Sees what the client sends; true cuts the connection once the server has answered it, before the client hears. */
  loseAnswerTo: ((sent: Buffer) => boolean) | undefined;
  /** How long everything takes on its way, in each direction. */
  delayMs = 0;

  private constructor(
    private readonly listener: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {}

  static async to(url: string): Promise<{ proxy: TcpProxy; url: string }> {
    const target = new URL(url);
    const listener = createServer();
    const proxy = new TcpProxy(listener, { host: target.hostname, port: Number(target.port) });
    listener.on('connection', (client) => {
      proxy.#accept(client);
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    target.port = String((listener.address() as { port: number }).port);
    target.hostname = '127.0.0.1';
    return { proxy, url: target.href };
  }

  /** Cuts every connection and refuses new ones until `heal`. */
  cut(): void {
    this.#refusing = true;
    this.#cutAll();
  }

  /** Keeps connections open and forwards nothing until `heal`. */
  stall(): void {
    this.#stalled = true;
    for (const [client, server] of this.#pairs) {
      client.pause();
      server.pause();
    }
  }

  heal(): void {
    this.#refusing = false;
    this.#stalled = false;
    for (const [client, server] of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  async close(): Promise<void> {
    this.#cutAll();
    await new Promise<void>((resolve) => {
      this.listener.close(() => {
        resolve();
      });
    });
  }

  #cutAll(): void {
    for (const [client, server] of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const server = connect(this.target);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    let isLosing = false;
    const toServer = this.#wireTo(server);
    const toClient = this.#wireTo(client);
    client.on('data', (data) => {
      if (this.loseAnswerTo?.(data) === true) isLosing = true;
      toServer(data);
    });
    server.on('data', (data) => {
      if (isLosing) {
        client.destroy();
        server.destroy();
        return;
      }
      toClient(data);
    });
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.on('close', end).on('error', end);
    if (this.#stalled) this.stall();
  }

  /** Keeps the order, also of what is sent just after a delay has ended. */
  #wireTo(socket: Socket): (data: Buffer) => void {
    let underWay: Promise<void> | undefined;
    return (data) => {
      if (this.delayMs === 0 && underWay === undefined) {
        socket.write(data);
        return;
      }
      const arrival = Promise.all([underWay, pause(this.delayMs)]).then(() => {
        if (underWay === arrival) underWay = undefined;
        if (!socket.destroyed) socket.write(data);
      });
      underWay = arrival;
    };
  }
}
