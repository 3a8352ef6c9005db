import { Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';

/** The OpenAPI document of this application, made when it is first asked for. */
@Injectable()
export class ApiDescription {
  #describe: (() => Promise<OpenAPIObject>) | undefined;
  #document: Promise<OpenAPIObject> | undefined;

  /** Tells how to make it, once the application is there. */
  comesFrom(describe: () => Promise<OpenAPIObject>): void {
    this.#describe = describe;
  }

  get document(): Promise<OpenAPIObject> {
    if (this.#describe === undefined) throw new Error('The application has not said how it is described.');
    this.#document ??= this.#describe();
    return this.#document;
  }
}
