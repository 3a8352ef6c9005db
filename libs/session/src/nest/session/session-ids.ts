import { CodecChain, type TextCodec } from '../../core/codec.js';
import { IdentitySessionError } from '../../core/errors.js';
import { isSessionId } from '../../core/token.js';

/** What fits into one segment of a path as it is, and begins no formula and no relative path. @see RFC 3986 section 2.3 */
const SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._~-]*$/;
/** Fastify's routes take no longer parameter, unless told to. Pages' cursors carry an id too, in 256 characters. */
const MAX_LENGTH = 100;
/** No session has it. */
const NO_ID = '';
/** Problems that are told at once. */
const MOST_ERRORS = 20;

/**
 * Ids of sessions as the outside has them: in paths, bodies, answers, cursors, exports, sockets' events and webhooks. In
 * process they are UUIDs. Without codecs both are the same, at no cost.
 */
export class SessionIds {
  readonly #chain: CodecChain | undefined;

  constructor(codecs: readonly TextCodec[] = []) {
    this.#chain =
      codecs.length === 0
        ? undefined
        : new CodecChain(codecs, { pattern: SEGMENT, maxLength: MAX_LENGTH, in: 'paths' });
  }

  /** For whatever leaves the server. The same text each time. @throws what a codec throws */
  encode(id: string): string {
    return this.#chain === undefined ? id : this.#chain.encode(id);
  }

  /** The id that `encode` was given; for text that it has not made one that no session has. Never throws. */
  decode(text: string): string {
    if (this.#chain === undefined) return text;
    // Many a decoder skips what is none of its characters: one session would have many names.
    if (!SEGMENT.test(text)) return NO_ID;
    const id = this.#chain.decode(text);
    return id !== undefined && isSessionId(id) ? id : NO_ID;
  }

  /** A list of ids as a client gives it. @throws IdentitySessionError `VALIDATION_FAILED` with those that are none */
  decodeAll(texts: unknown, field: string): string[] {
    if (!Array.isArray(texts)) throw invalid([{ field, message: 'is no list of session ids' }]);
    const ids = texts.map((text: unknown) => (typeof text === 'string' ? this.decode(text) : NO_ID));
    const errors = ids.flatMap((id, index) =>
      isSessionId(id) ? [] : [{ field: `${field}.${index}`, message: 'is no session id' }],
    );
    if (errors.length === 0) return ids;
    throw invalid(errors.slice(0, MOST_ERRORS));
  }
}

function invalid(errors: readonly { readonly field: string; readonly message: string }[]): IdentitySessionError {
  return new IdentitySessionError('VALIDATION_FAILED', 'Some fields are not valid; see "errors".', { errors });
}

/** Ids as they are. */
export const PLAIN_IDS = new SessionIds();
