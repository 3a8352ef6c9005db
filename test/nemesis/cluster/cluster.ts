import type { Settings } from '../settings.js';
import { buildRoutes } from '../server/build-routes.js';
import { Database } from './database.js';
import { ClusterNode } from './node.js';
import { eventually } from './pause.js';
import { Redis } from './redis.js';

export const ADMINISTRATOR = { email: 'root@example.com', password: 'the first administrator' };

const NODES = [
  { name: 'a', HTTP_ADAPTER: 'express' },
  { name: 'b', HTTP_ADAPTER: 'fastify' },
  { name: 'c', HTTP_ADAPTER: 'express' },
];

/** Three nodes on one PostgreSQL and, where there is one, one Redis. */
export class Cluster {
  readonly nodes: ClusterNode[] = [];

  private constructor(
    readonly database: Database,
    readonly redis: Redis | undefined,
  ) {}

  static async start(settings: Settings): Promise<Cluster> {
    const cluster = new Cluster(await Database.start(), await Redis.start());
    try {
      const routes = await buildRoutes();
      for (const { name, ...more } of NODES) {
        const environment = { ...environmentOf(settings), ...more };
        cluster.nodes.push(
          await ClusterNode.start(name, cluster.database.url, cluster.redis?.url, environment, routes),
        );
      }
      return cluster;
    } catch (error) {
      await cluster.remove();
      throw error;
    }
  }

  node(name: string): ClusterNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`There is no node ${name}.`);
    return found;
  }

  /** Nodes whose process has ended by itself, and what it said last. They are started again, so that the run goes on. */
  async restartFallen(log: (line: string) => void): Promise<void> {
    for (const node of this.nodes.filter(({ isRunning }) => !isRunning)) {
      const end = node.ends.at(-1);
      log(`  node ${node.name} is gone, code ${String(end?.code)}: ${end?.output ?? ''}`);
      await node.start();
    }
  }

  /** Whether every node says within this time that it is healthy. */
  async recovers(withinMs: number): Promise<boolean> {
    const healthy = await Promise.all(this.nodes.map((node) => eventually(() => node.isHealthy(), withinMs)));
    return healthy.every(Boolean);
  }

  /** Ends every process and removes every file of the run. */
  async remove(): Promise<void> {
    for (const node of this.nodes) await node.remove();
    this.redis?.signal('SIGCONT');
    await this.redis?.kill();
    await this.database.signalAll('SIGCONT');
    await this.database.remove();
  }
}

function environmentOf(settings: Settings): Record<string, string> {
  return {
    ADMIN_EMAIL: ADMINISTRATOR.email,
    ADMIN_PASSWORD: ADMINISTRATOR.password,
    CONCURRENT_LOGIN_STRATEGY: settings.strategy.name,
    CONCURRENT_LOGIN_LIMIT: String(settings.strategy.limit),
    SIGN_IN_LIMIT: '0',
    SESSION_TOKEN_KEYS: `k1:${'5e'.repeat(32)}`,
    SESSION_IDLE_TIMEOUT_MS: String(settings.idleTimeoutMs),
    SESSION_ABSOLUTE_LIFETIME_MS: String(settings.absoluteLifetimeMs),
    SESSION_SYNC_INTERVAL_MS: String(settings.syncIntervalMs),
    SESSION_IDLE_MARGIN_MS: String(settings.idleMarginMs),
    SESSION_TAIL_INTERVAL_MS: String(settings.tailIntervalMs),
    SESSION_MAX_STALENESS_MS: String(settings.maxStalenessMs),
    SESSION_ROTATION_INTERVAL_MS: String(settings.rotationIntervalMs),
    SESSION_ROTATION_GRACE_MS: String(settings.rotationGraceMs),
    SESSION_KEEP_ACCESS_MS: '1000',
    // On every node, all the time.
    SESSION_CLEANUP_INTERVAL_MS: '500',
  };
}
