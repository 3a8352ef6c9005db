import type { SessionData } from './session.js';

/** A JSON merge patch: members replace those of the same name, objects are merged, `null` deletes. @see RFC 7396 */
export type DataPatch = Readonly<Record<string, unknown>>;

/**
 * What a merge patch makes of an object; neither of them is changed. Both are plain JSON without keys like `__proto__`.
 * @see RFC 7396 section 2
 */
export function mergePatch(target: SessionData, patch: DataPatch): SessionData {
  const merged = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else if (isObject(value)) merged.set(key, mergePatch(objectOr(merged.get(key)), value));
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

/** The object without these members. */
export function withoutKeys(target: SessionData, keys: readonly string[]): SessionData {
  return Object.fromEntries(Object.entries(target).filter(([key]) => !keys.includes(key)));
}

/** What is no object is patched as an empty one. */
function objectOr(value: unknown): SessionData {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is SessionData {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
