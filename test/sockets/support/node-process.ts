import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SessionSocketsOptions } from 'nestjs-identity-session/sockets';

const MAIN = fileURLToPath(new URL('node-main.ts', import.meta.url));
const LOADER = new URL('../../../scripts/typescript.mjs', import.meta.url).href;

/** A node with sockets, in a process of its own. */
export class NodeProcess {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(
    databaseUrl: string,
    { nodeName, sockets }: { readonly nodeName: string; readonly sockets: SessionSocketsOptions },
  ): Promise<NodeProcess> {
    const settings = JSON.stringify({ databaseUrl, nodeName, sockets });
    const child = spawn(process.execPath, ['--import', LOADER, MAIN, settings], {
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        const found = /^Listening on (\S+)$/m.exec(printed)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', () => {
        reject(new Error(`The node did not start:\n${printed}`));
      });
    });
    return new NodeProcess(url, child);
  }

  /** SIGKILL: it cannot say a word. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      child.once('exit', () => {
        resolve();
      });
      child.kill(signal);
    });
  }
}
