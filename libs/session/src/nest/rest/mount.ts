import { Controller, type Type } from '@nestjs/common';

/**
 * A controller of its own for one module, at a path that is known only when the module is made. A subclass, so that
 * two modules in one application do not share a path.
 */
export function mountedAt<T>(path: string, controller: Type<T>): Type<T> {
  const mounted = class extends (controller as Type<object>) {};
  Object.defineProperty(mounted, 'name', { value: controller.name });
  // Constructor parameters are not inherited as metadata.
  for (const key of ['design:paramtypes', 'self:paramtypes', '__guards__']) {
    const value: unknown = Reflect.getMetadata(key, controller);
    if (value !== undefined) Reflect.defineMetadata(key, value, mounted);
  }
  Controller(path)(mounted);
  return mounted as unknown as Type<T>;
}
