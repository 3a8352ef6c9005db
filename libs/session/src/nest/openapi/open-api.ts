/** A JSON schema in the dialect of OpenAPI 3.0. */
export type OpenApiSchema = Readonly<Record<string, unknown>>;

/** One operation of an OpenAPI document, complete. */
export interface OpenApiOperation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
  /** Empty: for everybody. Absent: what the document asks for. */
  readonly security?: readonly [];
}

/** Operations by path, with parameters as `{id}`, and by method in lower case. */
export type OpenApiOperations = Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;

/** The parts of a document that are written here; one that `@nestjs/swagger` has made fits. */
export interface OpenApiDocument {
  paths: object;
  components?: { schemas?: object };
}
