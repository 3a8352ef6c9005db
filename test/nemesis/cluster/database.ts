import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@identity-session/embedded-postgres';
import pg from 'pg';

/** Below the ports that the system gives to outgoing connections, so that nobody takes it while PostgreSQL is down. */
const FIRST_PORT = 15_000;
const PORTS = 15_000;

/**
 * A PostgreSQL of the run's own, which may be killed and stopped. What a transaction has committed survives that,
 * since only its process dies and not the machine: `fsync` may be off, `synchronous_commit` may not.
 */
export class Database {
  private constructor(
    private readonly dataDir: string,
    private readonly port: number,
    private server: EmbeddedPostgres,
  ) {}

  static async start(): Promise<Database> {
    const dataDir = await mkdtemp(join(tmpdir(), `identity-session-nemesis-${process.pid}-`));
    const port = await freePort();
    return new Database(dataDir, port, await start(dataDir, port));
  }

  get url(): string {
    return this.server.url;
  }

  /** Ends it like a crash. SIGQUIT is PostgreSQL's immediate shutdown, SIGKILL leaves the backends to themselves. */
  crash(signal: 'SIGQUIT' | 'SIGKILL'): void {
    process.kill(this.server.pid, signal);
  }

  async restart(): Promise<void> {
    await this.server.stop();
    this.server = await start(this.dataDir, this.port);
  }

  /** Stops or continues the server and all of its backends. */
  async signalAll(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
    const children = stdout
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .filter(([, parent]) => parent === this.server.pid)
      .map(([pid]) => pid!);
    for (const pid of [this.server.pid, ...children]) {
      try {
        process.kill(pid, signal);
      } catch {
        // A backend that has ended meanwhile.
      }
    }
  }

  /** Runs statements past every proxy and every setting that a fault has made. */
  async asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: 5_000,
      application_name: 'nemesis',
      options: '-c default_transaction_read_only=off',
    });
    // Without a listener a cut connection ends this process; the statement under way fails by itself.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await work(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async remove(): Promise<void> {
    await this.server.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

function start(dataDir: string, port: number): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir,
    port,
    settings: {
      fsync: 'off',
      synchronous_commit: 'on',
      track_commit_timestamp: 'on',
      max_connections: '150',
      superuser_reserved_connections: '10',
    },
  });
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => {
      resolve(true);
    });
  });
}

export { freePort };
