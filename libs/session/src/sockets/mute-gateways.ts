import 'reflect-metadata';
import type { ModulesContainer } from '@nestjs/core';

/** Of `@nestjs/websockets`, which has no public names for them. */
const GATEWAY = 'websockets:is_gateway';
const MESSAGE = 'websockets:message_mapping';

/** Names of the gateways of an application that handle no message of clients. */
export function muteGateways(modules: ModulesContainer): string[] {
  const names = new Set<string>();
  for (const { providers } of modules.values()) {
    for (const { metatype } of providers.values()) {
      if (typeof metatype === 'function' && Reflect.hasMetadata(GATEWAY, metatype) && !handlesMessages(metatype)) {
        names.add(metatype.name);
      }
    }
  }
  return [...names];
}

function handlesMessages(gateway: { readonly prototype?: unknown; readonly name: string }): boolean {
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
