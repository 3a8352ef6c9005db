import { IdentitySessionError } from '../core/errors.js';

/** The part of the package that is used; its own types would make every user of the library install it. */
export interface RedisPackage {
  createClient(options: object): RedisClient;
}

export type RedisListener = (message: Buffer, channel: Buffer) => void;

export interface RedisClient {
  readonly isReady: boolean;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'ready', listener: () => void): unknown;
  connect(): Promise<unknown>;
  /** Waits for what is under way. */
  close(): Promise<unknown>;
  destroy(): void;
  sendCommand(args: readonly (string | Buffer)[]): Promise<unknown>;
  subscribe(channel: string, listener: RedisListener, asBuffers: true): Promise<unknown>;
  pSubscribe(pattern: string, listener: RedisListener, asBuffers: true): Promise<unknown>;
  unsubscribe(channel: string, listener: RedisListener, asBuffers: true): Promise<unknown>;
  pUnsubscribe(pattern: string, listener: RedisListener, asBuffers: true): Promise<unknown>;
}

/**
 * Loads the package `redis`, which only those install who configure Redis.
 * @throws IdentitySessionError `CONFIGURATION_INVALID` where it is not installed
 */
export async function loadRedis(load: () => Promise<unknown> = () => import('redis')): Promise<RedisPackage> {
  try {
    return (await load()) as RedisPackage;
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new IdentitySessionError(
      'CONFIGURATION_INVALID',
      'The option redis needs the package redis, which is not installed: npm install redis',
      {},
      error,
    );
  }
}
