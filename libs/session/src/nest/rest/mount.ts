import { type CanActivate, Controller, type Type, UseGuards } from '@nestjs/common';

/**
 * A controller of its own for one module, at a path that is known only when the module is made. A subclass, so that
 * two modules in one application do not share a path. `guards` are those that the application does not run anyway.
 */
export function mountedAt<T>(path: string, controller: Type<T>, guards: readonly Type<CanActivate>[]): Type<T> {
  const mounted = class extends (controller as Type<object>) {};
  Object.defineProperty(mounted, 'name', { value: controller.name });
  // Constructor parameters are not inherited as metadata.
  for (const key of ['design:paramtypes', 'self:paramtypes']) {
    const value: unknown = Reflect.getMetadata(key, controller);
    if (value !== undefined) Reflect.defineMetadata(key, value, mounted);
  }
  Controller(path)(mounted);
  UseGuards(...guards)(mounted);
  return mounted as unknown as Type<T>;
}
