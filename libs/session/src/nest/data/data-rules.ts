import { IdentitySessionError } from '../../core/errors.js';
import type { SessionData } from '../../core/session.js';
import { storableData, storableJson } from '../../store/storable-data.js';
import type { DataSchema, DataSchemaIssue, DataSchemaResult } from './data-schema.js';

/** Of what a schema finds wrong, this many are told. */
const MOST_ISSUES = 20;

/** What a session's data may be: as the store can hold it, and as the application's schema has it. */
export class DataRules {
  constructor(private readonly options: { readonly maxBytes: number; readonly schema?: DataSchema | undefined }) {}

  /**
   * The data as it is to be stored: what the schema makes of it, where there is one. A copy.
   * @throws IdentitySessionError `VALIDATION_FAILED` where it breaks a limit or the schema, `CONFIGURATION_INVALID` where the
   * schema itself fails
   */
  async check(data: unknown): Promise<SessionData> {
    const { maxBytes, schema } = this.options;
    const given = storableData(data, maxBytes);
    if (schema === undefined) return given;
    const result = await validated(schema, given);
    if (result.issues !== undefined) throw refused(result.issues);
    return storableJson(result.value, 'data', maxBytes);
  }

  /** A part of the data, from outside: within the limits, whatever the schema will say to the whole. */
  part(patch: unknown, field: string): SessionData {
    return storableJson(patch, field, this.options.maxBytes);
  }
}

async function validated(schema: DataSchema, data: SessionData): Promise<DataSchemaResult<unknown>> {
  try {
    return await schema['~standard'].validate(data);
  } catch (error) {
    throw new IdentitySessionError('CONFIGURATION_INVALID', "The schema of the sessions' data threw.", {}, error);
  }
}

function refused(issues: readonly DataSchemaIssue[]): IdentitySessionError {
  const errors = issues.slice(0, MOST_ISSUES).map(({ path = [], message }) => ({
    field: ['data', ...path.map((part) => String(typeof part === 'object' ? part.key : part))].join('.'),
    message,
  }));
  const first = errors[0];
  const why = first === undefined ? '' : `: ${first.field}: ${first.message}`;
  return new IdentitySessionError('VALIDATION_FAILED', `The session's data is not as the schema has it${why}`, {
    errors,
  });
}
