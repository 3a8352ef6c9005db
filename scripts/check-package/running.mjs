import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { nodePath, start } from './processes.mjs';

const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 30_000;

/** Resolves once the application says where it listens. */
export async function startApplication(directory, { nodeOptions = [], main = 'dist/main.js', ...environment }) {
  const env = { ...process.env, PORT: '0', NODE_ENV: 'production', ...environment };
  const application = start(nodePath(), [...nodeOptions, main], { cwd: directory, env });
  const { child, output, ended } = application;
  const url = await new Promise((resolve, reject) => {
    const fail = (what) => reject(new Error(`The application ${what}.\n${output.stdout}${output.stderr}`));
    const timer = setTimeout(fail, START_LIMIT_MS, `does not listen after ${START_LIMIT_MS} ms`);
    void ended
      .then(({ code, signal }) => fail(`has ended: ${signal ?? code}`), reject)
      .finally(() => clearTimeout(timer));
    child.stdout.on('data', () => {
      const found = /^Listening on (\S+)$/m.exec(output.stdout)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
  return { ...application, url };
}

/** SIGTERM; the application must end in time and have had nothing to complain about. */
export async function stopApplication({ child, output, ended }) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  const { code, signal } = await ended;
  clearTimeout(timer);
  // Nest ends itself by the same signal once everything is closed.
  assert.ok(code === 0 || signal === 'SIGTERM', `It ended by ${signal ?? code}, ${STOP_LIMIT_MS} ms after SIGTERM.`);
  assert.equal(output.stderr, '', 'It wrote to stderr.');
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
