import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';

/**
 * Checks a body or query against a schema. Use strict objects: an unknown key is then refused, so that nobody assigns
 * what was not offered.
 * @throws IdentitySessionError `VALIDATION_FAILED` with every problem by field
 */
export class ZodValidationPipe<T extends z.ZodType> implements PipeTransform<unknown, z.output<T>> {
  constructor(private readonly schema: T) {}

  transform(value: unknown): z.output<T> {
    const parsed = this.schema.safeParse(value ?? {});
    if (parsed.success) return parsed.data;
    const errors = parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ field: shown([...issue.path, key]), message: 'is not known here' }))
        : [{ field: shown(issue.path), message: issue.message }],
    );
    throw new IdentitySessionError('VALIDATION_FAILED', 'Some fields are not valid; see "errors".', { errors });
  }
}

/** Field names come from the client: cut, so that an answer stays small. */
function shown(path: readonly PropertyKey[]): string {
  return path.map(String).join('.').slice(0, 100);
}
