import { IdentitySessionError } from '../core/errors.js';
import type { SessionData } from '../core/session.js';
import { isStorableText } from './storable-text.js';

/** The most that a session's data may take as JSON unless configured otherwise, in bytes. */
export const MAX_DATA_BYTES = 16_384;
/** The most that can be configured: data is in memory with every session that a node knows. */
export const MOST_DATA_BYTES = 1_048_576;
/** The deepest nesting. */
const MAX_DATA_DEPTH = 32;
/** Keys that are an object's own business wherever it goes. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * A session's data as it can be stored: a plain JSON object.
 * @throws IdentitySessionError `VALIDATION_FAILED` where it is too large, too deep, or holds what no JSON object should
 */
export function storableData(data: unknown, maxBytes = MAX_DATA_BYTES): SessionData {
  return data === undefined ? {} : storableJson(data, 'data', maxBytes);
}

/** As `storableData`, for another JSON object that comes from outside; `field` is what its problems are told by. */
export function storableJson(data: unknown, field: string, maxBytes = MAX_DATA_BYTES): SessionData {
  const refused = (why: string) => refusedFor(field, why);
  checkObject(data, refused);
  const json = toJson(data);
  if (json === undefined) throw refused('must be JSON');
  if (Buffer.byteLength(json) > maxBytes) throw refused(`must not exceed ${maxBytes} bytes as JSON`);
  const parsed: unknown = JSON.parse(json, (key: string, value: unknown) => {
    // JSON can say what PostgreSQL cannot hold.
    if (!isStorableText(key) || (typeof value === 'string' && !isStorableText(value))) {
      throw refused('must not hold NUL or lone surrogates');
    }
    return value;
  });
  // Values may have a `toJSON`, which says something else than they are.
  checkObject(parsed, refused);
  return parsed;
}

/** The same, so that nobody who holds it can change it for others. */
export function deepFrozen(data: SessionData): SessionData {
  for (const value of Object.values(data)) {
    if (typeof value === 'object' && value !== null) deepFrozen(value as SessionData);
  }
  return Object.freeze(data);
}

/** `undefined` for what JSON cannot say, like a BigInt. */
function toJson(data: object): string | undefined {
  try {
    return JSON.stringify(data);
  } catch {
    return undefined;
  }
}

function checkObject(data: unknown, refused: (why: string) => Error): asserts data is SessionData {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw refused('must be a JSON object');
  checkKeys(data, 1, refused);
}

function checkKeys(value: unknown, depth: number, refused: (why: string) => Error): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DATA_DEPTH) throw refused(`must not be nested deeper than ${MAX_DATA_DEPTH}`);
  for (const [key, inner] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key)) throw refused(`must not have a key "${key}"`);
    checkKeys(inner, depth + 1, refused);
  }
}

function refusedFor(field: string, why: string): IdentitySessionError {
  return new IdentitySessionError('VALIDATION_FAILED', `The session's ${field} ${why}.`, {
    errors: [{ field, message: why }],
  });
}
