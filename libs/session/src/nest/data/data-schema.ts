/** What is wrong with a value, and where. */
export interface DataSchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type DataSchemaResult<TOutput> =
  { readonly value: TOutput; readonly issues?: undefined } | { readonly issues: readonly DataSchemaIssue[] };

/**
 * A schema of any library that speaks Standard Schema: zod, valibot, arktype and others. Nothing of it is needed here but
 * this interface. @see https://standardschema.dev
 */
export interface DataSchema<TInput = unknown, TOutput = TInput> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => DataSchemaResult<TOutput> | Promise<DataSchemaResult<TOutput>>;
    readonly types?: { readonly input: TInput; readonly output: TOutput } | undefined;
  };
}
