import { connect, createServer, type Server, type Socket } from 'node:net';

/** A network between the application and its database that can lose connections without a word to either side. */
export class BlackHole {
  /** While true, what is open hears nothing any more and never will, and new connections are accepted and ignored. */
  #isOpen = false;
  readonly #clients = new Set<Socket>();

  private constructor(private readonly listener: Server) {}

  static async before(url: string): Promise<{ hole: BlackHole; url: string }> {
    const target = new URL(url);
    const { hostname, port } = target;
    const hole = new BlackHole(createServer());
    hole.listener.on('connection', (client) => {
      hole.#clients.add(client.on('error', () => undefined));
      if (hole.#isOpen) return;
      const server = connect(Number(port), hostname).on('error', () => undefined);
      client.on('close', () => server.destroy());
      server.on('close', () => {
        // A lost server says no goodbye.
        if (!hole.#isOpen) client.destroy();
      });
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => hole.listener.listen(0, '127.0.0.1', resolve));
    target.hostname = '127.0.0.1';
    target.port = String((hole.listener.address() as { port: number }).port);
    return { hole, url: target.href };
  }

  open(): void {
    this.#isOpen = true;
    for (const client of this.#clients) client.unpipe();
  }

  /** New connections are served; those that were lost stay lost. */
  close(): void {
    this.#isOpen = false;
  }

  async destroy(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await new Promise((resolve) => this.listener.close(resolve));
  }
}
