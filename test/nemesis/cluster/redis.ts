import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { freePort } from './database.js';
import { eventually } from './pause.js';

const READY_WITHIN_MS = 10_000;

/** A Redis of the run's own. Keeps nothing on disk: whoever restarts it finds it empty. */
export class Redis {
  private constructor(
    private readonly program: string,
    readonly port: number,
    private child: ChildProcess,
  ) {}

  /** `undefined`, with one loud line, where there is no server; an error with REQUIRE_REDIS=1. */
  static async start(): Promise<Redis | undefined> {
    const program = ['redis-server', 'valkey-server'].find((name) => !spawnSync(name, ['--version']).error);
    if (program === undefined) {
      const told = 'There is no redis-server on the PATH (apt-get install redis-server)';
      if (process.env['REQUIRE_REDIS'] === '1') throw new Error(`${told}, and REQUIRE_REDIS=1 asks for one.`);
      console.log(`\n!!! ${told}: this run goes WITHOUT REDIS and proves nothing of it. !!!\n`);
      return undefined;
    }
    const port = await freePort();
    const redis = new Redis(program, port, launch(program, port));
    await redis.#answers();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve();
      });
      child.kill('SIGKILL');
    });
  }

  async restart(): Promise<void> {
    await this.kill();
    this.child = launch(this.program, this.port);
    await this.#answers();
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal);
  }

  /** One command in the inline form, and what came back. */
  send(command: string, withinMs = 2_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.setTimeout(withinMs, () => socket.destroy(new Error('Redis did not answer')));
      socket.once('error', reject);
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString());
      });
      socket.write(`${command}\r\n`);
    });
  }

  async #answers(): Promise<void> {
    const isThere = () =>
      this.send('PING', 500).then(
        (answer) => answer.startsWith('+PONG'),
        () => false,
      );
    if (!(await eventually(isThere, READY_WITHIN_MS))) throw new Error('Redis did not start.');
  }
}

function launch(program: string, port: number): ChildProcess {
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  return spawn(program, [...settings, '--daemonize', 'no'], { stdio: 'ignore' });
}
