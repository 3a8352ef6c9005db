import 'reflect-metadata';
import type { ModulesContainer } from '@nestjs/core';

/** Of `@nestjs/websockets`, which has no public names for them. */
const GATEWAY = 'websockets:is_gateway';
const MESSAGE = 'websockets:message_mapping';

interface Gateway {
  readonly prototype?: unknown;
  readonly name: string;
}

/** The gateways of an application. */
export function gatewaysOf(modules: ModulesContainer): Gateway[] {
  const gateways = new Set<Gateway>();
  for (const { providers } of modules.values()) {
    for (const { metatype } of providers.values()) {
      if (typeof metatype === 'function' && Reflect.hasMetadata(GATEWAY, metatype)) gateways.add(metatype);
    }
  }
  return [...gateways];
}

/** Whether a gateway handles any message of clients. */
export function handlesMessages(gateway: Gateway): boolean {
  for (
    let level: unknown = gateway.prototype;
    level !== null && level !== undefined;
    level = Object.getPrototypeOf(level)
  ) {
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value === 'function' && Reflect.hasMetadata(MESSAGE, value as object)) return true;
    }
  }
  return false;
}
