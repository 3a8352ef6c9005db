import { IdentitySessionError } from '../../core/errors.js';
import type { ConnectionMetadata } from '../../store/connection-store.js';
import { FORBIDDEN_KEYS } from '../../store/storable-data.js';
import { isStorableText } from '../../store/storable-text.js';

/** The most that a connection's metadata may take as JSON, in bytes. */
const MAX_METADATA_BYTES = 2_048;

/**
 * A copy that can be stored, and that nobody can change.
 * @throws IdentitySessionError `VALIDATION_FAILED` where it is not flat, too large, or holds what no JSON object should
 */
export function storableMetadata(metadata: unknown): ConnectionMetadata {
  if (!isPlainObject(metadata)) throw refused('must be a plain object');
  const copy: Record<string, string | number | boolean | null> = {};
  for (const [key, value] of Object.entries(metadata)) {
    if (FORBIDDEN_KEYS.has(key)) throw refused(`must not have a key "${key}"`);
    if (!isStorableText(key)) throw refused('must not hold NUL or lone surrogates');
    copy[key] = checkedValue(value);
  }
  if (Buffer.byteLength(JSON.stringify(copy)) > MAX_METADATA_BYTES) {
    throw refused(`must not exceed ${MAX_METADATA_BYTES} bytes as JSON`);
  }
  return Object.freeze(copy);
}

function checkedValue(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'string') throw refused('must hold texts, finite numbers, booleans and null alone');
  if (!isStorableText(value)) throw refused('must not hold NUL or lone surrogates');
  return value;
}

/** By its shape, since objects may come from another realm. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refused(why: string): IdentitySessionError {
  return new IdentitySessionError('VALIDATION_FAILED', `The metadata of a connection ${why}.`, {
    errors: [{ field: 'metadata', message: why }],
  });
}
