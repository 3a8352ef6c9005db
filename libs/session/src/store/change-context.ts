import { IdentitySessionError } from '../core/errors.js';
import { MAX_REASON_LENGTH, storableText } from './storable-text.js';

/** Where a change comes from. A newer version of the module, or the application, may know more. */
export type ChangeSource =
  | 'code'
  | 'rest'
  | 'job'
  | 'sign-in'
  | 'policy'
  | 'cleanup'
  | 'cut-off'
  | 'rotation'
  | 'drift'
  | 'erasure'
  | (string & {});

/** What is kept with a change in the log, beside who made it and why. */
export interface ChangeContext {
  /** Default `code`; at most 40 characters are kept. */
  readonly source?: ChangeSource;
  /** The address of whoever made the change; removed from the log when addresses of the session are. */
  readonly ip?: string | null;
  /** Words of the application to find the change by; at most 10, of at most 64 characters each. */
  readonly tags?: readonly string[];
  /**
   * The same change of the same session by the same actor, asked for again with the same key, changes nothing and is not
   * logged again, for as long as the log is kept. 1 to 128 printable characters of ASCII. A change of many sessions at
   * once, a sign-in and what gives out a token only bear it.
   */
  readonly idempotencyKey?: string;
}

/** A context as the log has it: only what is there. */
export interface LoggedContext {
  readonly source: string;
  readonly ip?: string;
  readonly tags?: readonly string[];
  readonly key?: string;
}

const MAX_SOURCE_LENGTH = 40;
const MAX_IP_LENGTH = 64;
/** Of one change. */
export const MOST_TAGS = 10;
export const MAX_TAG_LENGTH = 64;
const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,128}$/;

/** True for what an `Idempotency-Key` may be. */
export function isIdempotencyKey(text: unknown): text is string {
  return typeof text === 'string' && IDEMPOTENCY_KEY.test(text);
}

/**
 * @param byDefault the source where none is given
 * @throws IdentitySessionError `VALIDATION_FAILED` for tags or a key that are none
 */
export function loggedContext(context: ChangeContext, byDefault: ChangeSource = 'code'): LoggedContext {
  const { source, ip, tags, idempotencyKey } = context;
  const address = storableText(ip, MAX_IP_LENGTH);
  return Object.freeze({
    source: storableText(source, MAX_SOURCE_LENGTH) ?? byDefault,
    ...(address === null ? {} : { ip: address }),
    ...(tags === undefined || tags.length === 0 ? {} : { tags: Object.freeze(checkedTags(tags)) }),
    ...(idempotencyKey === undefined ? {} : { key: checkedKey(idempotencyKey) }),
  });
}

/** The context alone, of whatever it comes with. */
export function contextOf({ source, ip, tags, idempotencyKey }: ChangeContext): ChangeContext {
  return {
    ...(source === undefined ? {} : { source }),
    ...(ip === undefined ? {} : { ip }),
    ...(tags === undefined ? {} : { tags }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

function checkedTags(tags: readonly string[]): string[] {
  const isTag = (tag: unknown): boolean => typeof tag === 'string' && tag !== '' && tag.length <= MAX_TAG_LENGTH;
  if (!Array.isArray(tags) || tags.length > MOST_TAGS || !tags.every(isTag)) {
    throw invalid('tags', `There may be ${MOST_TAGS} tags, of 1 to ${MAX_TAG_LENGTH} characters each.`);
  }
  return [...new Set(tags.map((tag) => storableText(tag, MAX_REASON_LENGTH) ?? ''))];
}

function checkedKey(key: unknown): string {
  if (isIdempotencyKey(key)) return key;
  throw invalid('idempotencyKey', 'An idempotency key has 1 to 128 printable characters of ASCII.');
}

function invalid(field: string, message: string): IdentitySessionError {
  return new IdentitySessionError('VALIDATION_FAILED', message, { errors: [{ field, message: 'is not valid' }] });
}
