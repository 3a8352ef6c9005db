import type { PipeTransform } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';

/** One thing that is wrong with an input. */
export interface ValidationIssue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The keys that are not known, where that is what is wrong. */
  readonly keys?: readonly string[];
}

/** What the pipe needs of a schema; those of zod 4 are such. */
export interface ValidationSchema<T> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly ValidationIssue[] } };
}

/** Problems that are told at once: an answer must not grow with what a client makes up. */
const MOST_ERRORS = 20;

/**
 * Checks a body or query against a schema. Use strict objects: an unknown key is then refused, so that nobody assigns
 * what was not offered.
 * @throws IdentitySessionError `VALIDATION_FAILED` with the first problems by field
 */
export class ZodValidationPipe<T> implements PipeTransform<unknown, T> {
  constructor(private readonly schema: ValidationSchema<T>) {}

  transform(value: unknown): T {
    const parsed = this.schema.safeParse(value ?? {});
    if (parsed.success) return parsed.data;
    const errors = parsed.error.issues.flatMap((issue) =>
      issue.keys === undefined
        ? [{ field: shown(issue.path), message: issue.message }]
        : issue.keys.map((key) => ({ field: shown([...issue.path, key]), message: 'is not known here' })),
    );
    throw new IdentitySessionError('VALIDATION_FAILED', 'Some fields are not valid; see "errors".', {
      errors: errors.slice(0, MOST_ERRORS),
    });
  }
}

/** Field names come from the client: cut, so that an answer stays small. */
function shown(path: readonly PropertyKey[]): string {
  return path.map(String).join('.').slice(0, 100);
}
