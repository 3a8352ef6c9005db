import { Scope } from '@nestjs/common';
import { type DiscoveryService, MetadataScanner } from '@nestjs/core';
import { IdentitySessionError } from '../../core/errors.js';

/** A method that carries a decorator, on the instance that it is to be called on. */
export interface DecoratedMethod {
  /** As an error names it. */
  readonly name: string;
  /** What the decorator left. */
  readonly metadata: unknown;
  readonly call: (...parameters: readonly unknown[]) => unknown;
}

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/**
 * The methods of all providers and controllers with a decorator's metadata, one for each instance. To be asked once the
 * application is made.
 * @throws IdentitySessionError `CONFIGURATION_INVALID` for a provider without an instance that lasts
 */
export function decoratedMethods(discovery: DiscoveryService, key: string, decorator: string): DecoratedMethod[] {
  const scanner = new MetadataScanner();
  const seen = new Set<object>();
  const found: DecoratedMethod[] = [];
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const prototype = prototypeOf(wrapper);
    if (prototype === null) continue;
    const methods = scanner
      .getAllMethodNames(prototype)
      .map((method) => ({ method, metadata: metadataOf(prototype, method, key) }))
      .filter(({ metadata }) => metadata !== undefined);
    if (methods.length === 0) continue;
    if (!isLasting(wrapper)) throw notLasting(wrapper, decorator);
    const instance = wrapper.instance as Record<string, (...parameters: readonly unknown[]) => unknown>;
    // One instance may be provided by several names.
    if (seen.has(instance)) continue;
    seen.add(instance);
    for (const { method, metadata } of methods) {
      const call = (...parameters: readonly unknown[]): unknown => instance[method]?.(...parameters);
      found.push({ name: `${wrapper.name}.${method}`, metadata, call });
    }
  }
  return found;
}

/** Of the class where there is one, since what is made for each request has no instance yet. */
function prototypeOf(wrapper: Wrapper): object | null {
  const { metatype, instance } = wrapper as { metatype: unknown; instance: unknown };
  if (typeof instance === 'object' && instance !== null) return Object.getPrototypeOf(instance) as object | null;
  const prototype: unknown = typeof metatype === 'function' && !wrapper.isFactory ? metatype.prototype : null;
  return typeof prototype === 'object' ? prototype : null;
}

/** Without asking accessors for a value. */
function metadataOf(prototype: object, method: string, key: string): unknown {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(at, method);
    if (descriptor === undefined) continue;
    return typeof descriptor.value === 'function' ? Reflect.getMetadata(key, descriptor.value as object) : undefined;
  }
  return undefined;
}

function isLasting(wrapper: Wrapper): boolean {
  return wrapper.isDependencyTreeStatic() && wrapper.scope !== Scope.TRANSIENT && wrapper.instance !== undefined;
}

function notLasting(wrapper: Wrapper, decorator: string): IdentitySessionError {
  return new IdentitySessionError(
    'CONFIGURATION_INVALID',
    `${wrapper.name} has a method with @${decorator}, but is made anew for each request or for each that injects it: there ` +
      'is no one instance that could listen. Move the method to a provider of the default scope that injects nothing ' +
      'request-scoped.',
  );
}
