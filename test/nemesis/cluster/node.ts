import { type ServerEnvironment, type ServerProcess, startServer } from '../../support/server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { runNow } from '../clock.js';
import type { Absence, ProcessEnd } from '../evidence.js';

const OUTPUT_KEPT = 4_000;
const HEALTH_WITHIN_MS = 4_000;

/** A server process that is started again, with wires of its own to the database and to Redis. */
export class ClusterNode {
  readonly absences: Absence[] = [];
  readonly ends: ProcessEnd[] = [];
  #server: ServerProcess | undefined;
  #asked: { readonly how: 'kill' | 'terminate'; readonly at: number } | null = null;
  #absence: Absence | undefined;

  private constructor(
    readonly name: string,
    private readonly environment: ServerEnvironment,
    private readonly routes: string,
    readonly toDatabase: TcpProxy,
    readonly toRedis: TcpProxy | undefined,
  ) {}

  /** `routes`: a module that the process loads before the server. */
  static async start(
    name: string,
    databaseUrl: string,
    redisUrl: string | undefined,
    environment: ServerEnvironment,
    routes: string,
  ): Promise<ClusterNode> {
    const database = await TcpProxy.to(databaseUrl);
    const redis = redisUrl === undefined ? undefined : await TcpProxy.to(redisUrl);
    const node = new ClusterNode(
      name,
      {
        ...environment,
        NODE_NAME: name,
        DATABASE_URL: database.url,
        ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
      },
      routes,
      database.proxy,
      redis?.proxy,
    );
    await node.start();
    return node;
  }

  /** Where it listens now, or did last. */
  url = '';

  get isRunning(): boolean {
    return this.#server !== undefined;
  }

  /** Starts the process (again). `more` goes over the environment that the node has otherwise. */
  async start(more: ServerEnvironment = {}): Promise<void> {
    this.#asked = null;
    const server = await startServer({ ...this.environment, ...more }, ['--import', this.routes]);
    this.#server = server;
    this.url = server.url;
    this.#present();
    void server.exited.then((code) => {
      this.#ended(server, code);
    });
  }

  async kill(): Promise<void> {
    const server = this.#running();
    this.#absent();
    this.#asked = { how: 'kill', at: runNow() };
    await server.kill();
  }

  /** SIGTERM; the end of its process. */
  async terminate(): Promise<ProcessEnd> {
    const server = this.#running();
    this.#absent();
    this.#asked = { how: 'terminate', at: runNow() };
    await server.stop();
    return this.ends.at(-1)!;
  }

  /** Adds what was found in the database behind a clean end. */
  noteStored(end: ProcessEnd, storedAccesses: ReadonlyMap<string, number>): void {
    this.ends[this.ends.indexOf(end)] = { ...end, storedAccesses };
  }

  suspend(): void {
    process.kill(this.#running().pid, 'SIGSTOP');
    this.#absent();
  }

  resume(): void {
    process.kill(this.#running().pid, 'SIGCONT');
    this.#present();
  }

  /** True where it says of itself that it serves and follows the log. */
  async isHealthy(): Promise<boolean> {
    return (await this.health()).startsWith('{"status":"ok"');
  }

  /** What it says of itself, or why it says nothing. */
  async health(): Promise<string> {
    try {
      const answer = await fetch(`${this.url}/health`, { signal: AbortSignal.timeout(HEALTH_WITHIN_MS) });
      return await answer.text();
    } catch (error) {
      return String(error);
    }
  }

  /** Ends everything that belongs to it. */
  async remove(): Promise<void> {
    if (this.#server !== undefined) {
      process.kill(this.#server.pid, 'SIGCONT');
      this.#asked = { how: 'kill', at: runNow() };
      await this.#server.kill();
    }
    await this.toDatabase.close();
    await this.toRedis?.close();
  }

  #running(): ServerProcess {
    if (this.#server === undefined) throw new Error(`Node ${this.name} does not run.`);
    return this.#server;
  }

  #ended(server: ServerProcess, code: number | null): void {
    const now = runNow();
    this.#server = undefined;
    this.#absent();
    this.ends.push({
      node: this.name,
      at: now,
      asked: this.#asked?.how ?? null,
      code,
      tookMs: now - (this.#asked?.at ?? now),
      output: server.output().slice(-OUTPUT_KEPT),
    });
  }

  #absent(): void {
    if (this.#absence !== undefined) return;
    this.#absence = { node: this.name, from: runNow(), until: Number.POSITIVE_INFINITY };
    this.absences.push(this.#absence);
  }

  #present(): void {
    if (this.#absence === undefined) return;
    this.#absence.until = runNow();
    this.#absence = undefined;
  }
}
