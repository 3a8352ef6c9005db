import type { Namespace } from 'socket.io';
import { IdentitySessionError } from '../../core/errors.js';

/** The part of socket.io's adapters that is used; types of their own would make every user of the library install them. */
export interface ClusterAdapter {
  init(): Promise<void> | void;
  close(): Promise<void> | void;
  serverCount(): Promise<number>;
}

/** A package that makes adapters. */
export interface AdapterPackage<Arguments extends readonly unknown[]> {
  readonly createAdapter: (...given: Arguments) => (namespace: Namespace) => ClusterAdapter;
}

/**
 * Loads one of socket.io's adapters, which only those install who use it.
 * @throws IdentitySessionError `CONFIGURATION_INVALID` where it is not installed
 */
export async function loadAdapter<Arguments extends readonly unknown[]>(
  name: string,
  load: () => Promise<unknown>,
): Promise<AdapterPackage<Arguments>> {
  try {
    const loaded = (await load()) as AdapterPackage<Arguments> & { readonly default?: AdapterPackage<Arguments> };
    return 'createAdapter' in loaded ? loaded : (loaded as { default: AdapterPackage<Arguments> }).default;
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new IdentitySessionError(
      'CONFIGURATION_INVALID',
      `Sockets on several nodes need the package ${name}, which is not installed: npm install ${name}. ` +
        "With one node, use sessionSockets({ adapter: 'none' }).",
      {},
      error,
    );
  }
}
