import { fileURLToPath } from 'node:url';
import { Child } from '../guard/child.mjs';

const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Processes of a scenario, which all end with it. */
export class Processes {
  #children = [];

  async node(variant, given = {}) {
    const node = this.#add(new Child(fileOf('node.mjs'), ['--expose-gc']));
    node.port = await node.ask('open', { variant, ...given });
    return node;
  }

  clients() {
    return this.#add(new Child(fileOf('clients.mjs')));
  }

  async end() {
    await Promise.all(this.#children.map((child) => child.end()));
  }

  #add(child) {
    this.#children.push(child);
    return child;
  }
}

/** Runs a scenario with processes of its own. */
export async function withProcesses(scenario) {
  const processes = new Processes();
  try {
    return await scenario(processes);
  } finally {
    await processes.end();
  }
}

/** Asks until the answer is `true`. @throws Error behind the deadline, which says what was waited for */
export async function until(what, isSo, withinMs) {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`After ${withinMs} ms not yet: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A request of an administrator, or of anybody with a token. @throws Error for an answer that is not `expected` */
export async function ask(node, { method, path, token, body, expected }) {
  const answer = await fetch(`http://127.0.0.1:${node.port}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (answer.status !== expected) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** The session that a token says that it belongs to: `ids_<id>.<generation>.<secret>`. */
export const sessionOf = (token) => token.slice('ids_'.length).split('.')[0];
