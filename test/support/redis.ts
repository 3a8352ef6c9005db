import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { createClient } from 'redis';
import { onPath } from './on-path.js';

const READY_WITHIN_MS = 10_000;
const TRIES = 3;

const url = process.env['REDIS_URL'] ?? '';
const program = ['redis-server', 'valkey-server'].map(onPath).find((path) => path !== undefined);

/** A suite that needs a Redis: that of REDIS_URL, else one of its own. Without either it is skipped, and says so. */
export function describeWithRedis(name: string, suite: () => void): void {
  const register = url !== '' || program !== undefined ? describe : without('REDIS_URL or redis-server');
  register(name, suite);
}

/** A suite that stops, kills and fills its Redis, and so needs one of its own. */
export function describeWithOwnRedis(name: string, suite: () => void): void {
  const register = program === undefined ? without('redis-server') : describe;
  register(name, suite);
}

/** A Redis to use and to clean, which may belong to somebody. */
export interface TestRedis {
  readonly url: string;
  /** A namespace that nobody else has; its keys and those of other tests do not meet. */
  namespace(): string;
  /** Sends one command, past everything under test. */
  command(...args: string[]): Promise<unknown>;
  close(): Promise<void>;
}

/** The Redis of REDIS_URL, else a new one. */
export async function testRedis(): Promise<TestRedis> {
  return url === '' ? OwnRedis.start() : new SharedRedis();
}

class SharedRedis implements TestRedis {
  readonly url = url;
  readonly #namespaces: string[] = [];

  namespace(): string {
    const name = newNamespace();
    this.#namespaces.push(name);
    return name;
  }

  command(...args: string[]): Promise<unknown> {
    return commandAt(this.url, args);
  }

  async close(): Promise<void> {
    for (const name of this.#namespaces) {
      const keys = (await this.command('KEYS', `${name}:*`)) as string[];
      if (keys.length > 0) await this.command('DEL', ...keys);
    }
  }
}

/** A Redis server that belongs to one suite, which may do with it what it likes. Keeps nothing on disk. */
export class OwnRedis implements TestRedis {
  #child: ChildProcess | undefined;

  private constructor(
    private readonly port: number,
    private readonly directory: string,
  ) {}

  /** Starts one on a free port. */
  static async start(): Promise<OwnRedis> {
    for (let attempt = 1; ; attempt += 1) {
      const redis = await OwnRedis.absent();
      try {
        await redis.restart();
        return redis;
      } catch (error) {
        await redis.close();
        // Somebody else may have taken the port meanwhile.
        if (attempt === TRIES) throw error;
      }
    }
  }

  /** One that is not there yet: nobody listens at its address until `restart`. */
  static async absent(): Promise<OwnRedis> {
    return new OwnRedis(await freePort(), await mkdtemp(join(tmpdir(), 'identity-session-redis-')));
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  namespace(): string {
    return newNamespace();
  }

  command(...args: string[]): Promise<unknown> {
    return commandAt(this.url, args);
  }

  /** Starts it empty at the same address, where it is not running. */
  async restart(): Promise<void> {
    if (program === undefined) throw new Error('There is no redis-server on the PATH.');
    const settings = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--dir', this.directory];
    const child = spawn(program, ['--port', String(this.port), ...settings], { stdio: 'ignore' });
    this.#child = child;
    const ended = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => {
        reject(new Error(`${program} ended with ${code ?? 'a signal'} before it was ready.`));
      });
    });
    const deadline = performance.now() + READY_WITHIN_MS;
    const ready = async (): Promise<void> => {
      while ((await this.command('PING').catch(() => '')) !== 'PONG') {
        if (performance.now() > deadline) throw new Error(`${program} was not ready within ${READY_WITHIN_MS} ms.`);
      }
    };
    await Promise.race([ready(), ended]).finally(() => {
      ended.catch(() => undefined);
    });
  }

  /** It answers nobody, and its connections stay. */
  stall(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** All that it knew is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Every key and every script. */
  async flush(): Promise<void> {
    await this.command('FLUSHALL');
    await this.command('SCRIPT', 'FLUSH');
  }

  /** Refuses to take more than this; 0 takes everything. Below what it has already, it takes nothing at all. */
  async limitMemory(bytes: number): Promise<void> {
    await this.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await this.command('CONFIG', 'SET', 'maxmemory', String(bytes));
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function newNamespace(): string {
  return `test-${randomBytes(6).toString('hex')}`;
}

async function commandAt(address: string, args: string[]): Promise<unknown> {
  const client = createClient({ url: address, RESP: 2, socket: { reconnectStrategy: false, connectTimeout: 1_000 } });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.sendCommand(args);
  } finally {
    client.destroy();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => {
        resolve(port);
      });
    });
  });
}

let hasSaidSo = false;

/** Where REQUIRE_REDIS is set, the suite fails instead. */
function without(what: string): (name: string, suite: () => void) => void {
  const remedy = `Redis suites need ${what}: apt-get install redis-server, or brew install redis.`;
  if ((process.env['REQUIRE_REDIS'] ?? '') !== '') throw new Error(remedy);
  if (!hasSaidSo) process.stderr.write(`\nSKIPPED: ${remedy}\n`);
  hasSaidSo = true;
  return describe.skip;
}
