import { ADMINISTRATION_OPERATIONS } from './administration-operations.js';
import { JOB_OPERATIONS, JOB_SCHEMAS } from './job-operations.js';
import type { OpenApiDocument, OpenApiOperations } from './open-api.js';
import { SESSION_OPERATIONS } from './session-operations.js';
import { SESSION_SCHEMAS } from './session-schemas.js';
import { STATISTICS_OPERATIONS, STATISTICS_SCHEMAS } from './statistics-operations.js';
import { SETTINGS_OPERATIONS, SETTINGS_SCHEMAS } from './settings-operations.js';

/**
 * Describes the module's routes in an OpenAPI 3.0 document, as `SwaggerModule.createDocument` makes one: parameters,
 * bodies, answers, every error with an example, and the schemas `Session` and `Problem`. Changes `document`. `prefix` is
 * what stands before the module's paths, the application's global prefix included.
 */
export function describeSessions(document: OpenApiDocument, prefix = ''): void {
  addSchemas(document);
  describeOperations(
    document,
    {
      ...SESSION_OPERATIONS,
      ...ADMINISTRATION_OPERATIONS,
      ...JOB_OPERATIONS,
      ...SETTINGS_OPERATIONS,
      ...STATISTICS_OPERATIONS,
    },
    prefix,
  );
}

/** The schemas alone, for documents that refer to them. */
export function addSchemas(document: OpenApiDocument): void {
  document.components = {
    ...document.components,
    schemas: {
      ...document.components?.schemas,
      ...SESSION_SCHEMAS,
      ...JOB_SCHEMAS,
      ...SETTINGS_SCHEMAS,
      ...STATISTICS_SCHEMAS,
    },
  };
}

/**
 * Writes operations over those that the document has for the same path and method; what the application does not have is
 * left out.
 */
export function describeOperations(document: OpenApiDocument, operations: OpenApiOperations, prefix = ''): void {
  const paths = document.paths as Record<string, Record<string, object> | undefined>;
  for (const [path, methods] of Object.entries(operations)) {
    for (const [method, operation] of Object.entries(methods)) {
      const present = paths[prefix + path]?.[method];
      if (present === undefined) continue;
      // What was guessed from the handler is said here better.
      for (const guessed of ['parameters', 'requestBody', 'responses']) Reflect.deleteProperty(present, guessed);
      Object.assign(present, operation);
    }
  }
}
