import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CodecChain, CREDENTIAL_FORM, type TextCodec } from './codec.js';

/**
 * A session token: `ids_<public id>.<generation>.<secret>`, and with token keys `.<key id>.<MAC>` behind it. The
 * secret carries 256 bits from the system's generator; the id is public and only finds the row. What is stored is the
 * SHA-256 of everything up to the secret, so that id, generation and secret belong together.
 *
 * @see OWASP ASVS 5.0 7.2.3 and 11.5.1
 */
export interface ParsedToken {
  readonly id: string;
  readonly generation: number;
  /** `<id>.<generation>.<secret>`: what digest and MAC cover. */
  readonly body: string;
  readonly keyId: string | null;
  readonly mac: string | null;
}

/** A key that authenticates tokens. The first of a list signs; the others are still accepted. */
export interface TokenKey {
  /** 1 to 16 letters and digits. */
  readonly id: string;
  /** At least 32 bytes. */
  readonly secret: Uint8Array;
}

/** Where randomness comes from; injected so that a simulation can be replayed. */
export interface TokenSource {
  /** `size` unpredictable bytes. */
  bytes(size: number): Uint8Array;
}

export const systemTokenSource: TokenSource = { bytes: (size) => randomBytes(size) };

export const SECRET_BYTES = 32;
const MAC_CHARACTERS = 22;

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const UUID_PATTERN = new RegExp(`^${UUID}$`);
const TOKEN_PATTERN = new RegExp(
  `^ids_${UUID}\\.(?:0|[1-9][0-9]{0,8})\\.[A-Za-z0-9_-]{43}(?:\\.[A-Za-z0-9]{1,16}\\.[A-Za-z0-9_-]{${MAC_CHARACTERS}})?$`,
);
/** Where the parts of fixed length are, in text that has matched. */
const ID_START = 4;
const ID_END = ID_START + 36;
const SECRET_CHARACTERS = 43;

/** Longer text is no token; refused before any pattern looks at it. */
export const MAX_TOKEN_LENGTH = 160;

/** True for a session id in its only accepted form: a lower-case UUID with hyphens. */
export function isSessionId(text: string): boolean {
  return text.length === 36 && UUID_PATTERN.test(text);
}

/** A new public id: a version 7 UUID, so that rows made together lie together. */
export function newSessionId(source: TokenSource, nowMs: number): string {
  const bytes = Buffer.from(source.bytes(16));
  bytes.writeUIntBE(Math.max(0, Math.floor(nowMs)), 0, 6);
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x70;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Reads a token. Anything that is not exactly one gives `undefined`; no crypto, no I/O. */
export function parseToken(text: string): ParsedToken | undefined {
  if (text.length > MAX_TOKEN_LENGTH) return undefined;
  if (!TOKEN_PATTERN.test(text)) return undefined;
  const generationEnd = text.indexOf('.', ID_END + 1);
  const bodyEnd = generationEnd + 1 + SECRET_CHARACTERS;
  const hasMac = bodyEnd < text.length;
  return {
    id: text.slice(ID_START, ID_END),
    generation: Number(text.slice(ID_END + 1, generationEnd)),
    body: text.slice(ID_START, bodyEnd),
    keyId: hasMac ? text.slice(bodyEnd + 1, -MAC_CHARACTERS - 1) : null,
    mac: hasMac ? text.slice(-MAC_CHARACTERS) : null,
  };
}

/** The SHA-256 that is stored and cached in place of the token. */
export function digestToken(body: string): Uint8Array {
  return hash('sha256', body, 'buffer');
}

/** Compares in constant time. @see OWASP ASVS 5.0 11.2.4 */
export function digestsEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

const scratch = Buffer.alloc(32);

/** Whether a token's body has this digest; in constant time. Makes no buffer: one costs more than the hash itself. */
export function matchesDigest(body: string, digest: Uint8Array): boolean {
  scratch.write(hash('sha256', body, 'binary'), 'latin1');
  return digestsEqual(scratch, digest);
}

/** Of nothing. */
const NO_DIGEST = new Uint8Array(32);

/**
 * Which of two digests a token's body has: that of the current token or of the one before. Hashes once and compares
 * with both, whatever there is to compare with, so that the time it takes tells nothing.
 */
export function whichDigest(
  body: string,
  current: Uint8Array | undefined,
  previous: Uint8Array | undefined,
): 'current' | 'previous' | 'neither' {
  scratch.write(hash('sha256', body, 'binary'), 'latin1');
  const isCurrent = digestsEqual(scratch, current ?? NO_DIGEST);
  const isPrevious = digestsEqual(scratch, previous ?? NO_DIGEST);
  if (isCurrent) return 'current';
  return isPrevious ? 'previous' : 'neither';
}

/** Mints tokens, and tells a forged one from a possible one where keys are configured. */
export class TokenMint {
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #signing: TokenKey | undefined;
  readonly #chain: CodecChain | undefined;

  constructor(
    keys: readonly TokenKey[] = [],
    private readonly source: TokenSource = systemTokenSource,
    codecs: readonly TextCodec[] = [],
  ) {
    this.#chain = codecs.length === 0 ? undefined : new CodecChain(codecs, CREDENTIAL_FORM);
    this.#signing = keys[0];
    this.#keys = new Map(keys.map((key) => [key.id, key.secret]));
  }

  /** Reads a token as clients present it. Anything that is not exactly one gives `undefined`; no I/O. */
  read(presented: string): ParsedToken | undefined {
    if (this.#chain === undefined) return parseToken(presented);
    const token = this.#chain.decode(presented);
    return token === undefined ? undefined : parseToken(token);
  }

  /** A token with a fresh secret, and the digest to store. The token exists only in the answer to its owner. */
  mint(id: string, generation: number): { readonly token: string; readonly digest: Uint8Array } {
    const secret = Buffer.from(this.source.bytes(SECRET_BYTES)).toString('base64url');
    return this.#issue(id, generation, secret);
  }

  /**
   * The successor of a token in a scheduled rotation: HMAC(old secret, row's random salt ‖ generation). Every node
   * derives the same one from the same old token, so that nothing but digests needs to be stored.
   */
  derive(previous: ParsedToken, salt: Uint8Array): { readonly token: string; readonly digest: Uint8Array } {
    const generation = previous.generation + 1;
    const secret = createHmac('sha256', previous.body.slice(previous.body.lastIndexOf('.') + 1))
      .update(salt)
      .update(String(generation))
      .digest('base64url');
    return this.#issue(previous.id, generation, secret);
  }

  /** Whether `isGenuine` proves anything: that the token was issued here. */
  get hasKeys(): boolean {
    return this.#signing !== undefined;
  }

  /**
   * False for a token that this deployment cannot have issued: with keys, one whose MAC is absent, of an unknown key
   * or wrong. True without keys. No I/O.
   */
  isGenuine(token: ParsedToken): boolean {
    if (this.#signing === undefined) return true;
    if (token.keyId === null || token.mac === null) return false;
    const secret = this.#keys.get(token.keyId);
    if (secret === undefined) return false;
    return timingSafeEqual(Buffer.from(macOf(secret, token.body)), Buffer.from(token.mac));
  }

  #issue(id: string, generation: number, secret: string): { token: string; digest: Uint8Array } {
    const body = `${id}.${generation}.${secret}`;
    const signature = this.#signing === undefined ? '' : `.${this.#signing.id}.${macOf(this.#signing.secret, body)}`;
    const token = `ids_${body}${signature}`;
    return { token: this.#chain === undefined ? token : this.#chain.encode(token), digest: digestToken(body) };
  }
}

function macOf(secret: Uint8Array, body: string): string {
  return createHmac('sha256', secret).update(body).digest('base64url').slice(0, MAC_CHARACTERS);
}
