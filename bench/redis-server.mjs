import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** REDIS_URL, else a server of our own; `undefined` where there is none. */
export async function startRedis() {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL, stop: () => undefined };
  const port = await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
  const settings = ['--port', String(port), '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
  const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    child.stdout.on('data', (chunk) => {
      if (String(chunk).includes('eady to accept connections'))
        resolve({ url: `redis://127.0.0.1:${port}`, stop: () => child.kill('SIGTERM') });
    });
  });
}
