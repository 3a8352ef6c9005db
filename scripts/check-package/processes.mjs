import { spawn } from 'node:child_process';

const children = new Set();
let isStopped = false;

/** Starts a process of ours; it is stopped with us. Its output is collected in `output`. */
export function start(command, args, options = {}) {
  if (isStopped) throw new Error('Interrupted.');
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      output[stream] += text;
    });
  }
  children.add(child);
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      children.delete(child);
      resolve({ code, signal });
    });
  });
  // Whoever waits for it hears of it; a process that nobody waits for any more must not end us.
  ended.catch(() => undefined);
  return { child, output, ended };
}

/** Runs a command to its end and gives what it wrote to stdout. Throws with everything it wrote if it fails. */
export async function run(command, args, options = {}) {
  const { output, ended } = start(command, args, { timeout: 300_000, ...options });
  const { code, signal } = await ended;
  if (code === 0) return output.stdout;
  throw new Error(
    `${[command, ...args].join(' ')}: ${signal ?? `exit code ${code}`}\n${output.stdout}${output.stderr}`,
  );
}

let otherNode;

/** The Node that compiles and runs what is checked: ours, unless told otherwise. */
export function nodePath() {
  return otherNode ?? process.execPath;
}

export function useNode(path) {
  otherNode = path;
}

/** Node with a script or options, in a directory. */
export function node(args, options) {
  return run(nodePath(), args, options);
}

/** The npm that runs us, else the one on the PATH. */
export function npm(args, options) {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? run(process.execPath, [script, ...args], options) : run('npm', args, options);
}

/** Stops the processes that are still running, by their own handles, and starts no more. */
export function stopChildren() {
  isStopped = true;
  for (const child of children) child.kill('SIGKILL');
}
