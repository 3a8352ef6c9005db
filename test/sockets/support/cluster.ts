import { NodeBus } from '../../../libs/session/src/sockets/nodes/node-bus.js';
import type { TestApp } from '../../support/app.js';

/** Below the time limit of a test, so that the failure says what did not come. */
const PATIENCE_MS = 25_000;

/** Once it holds; a test that waits for longer has failed. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not within ${PATIENCE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Once each node hears all others. */
export async function acquainted(nodes: readonly TestApp[]): Promise<void> {
  for (const { app } of nodes) {
    const bus = app.get(NodeBus);
    await until('nodes hear each other', async () => {
      const others = await bus.others().catch(() => -1);
      return bus.isUp && others === nodes.length - 1;
    });
  }
}
