/**
 * Wraps text that leaves the server and takes the wrapping off what comes back: signs, encrypts, prefixes. Synchronous and
 * without I/O, since every request with a credential passes it.
 */
export interface TextCodec {
  encode(text: string): string;
  /** What `encode` was given; `undefined` for what it has not made. What it throws counts as that. */
  decode(text: string): string | undefined;
}

/** What cookies and `Authorization: Bearer` can carry. @see RFC 6750 section 2.1 */
const CARRIED = /^[A-Za-z0-9._~+/-]+=*$/;
/** Browsers keep cookies of 4 096 bytes, attributes and all. */
export const MAX_ENCODED_LENGTH = 2_048;

/** Codecs one after the other: the first is next to the text, the last next to the client. */
export class CodecChain {
  readonly #codecs: readonly TextCodec[];
  readonly #reversed: readonly TextCodec[];

  constructor(codecs: readonly TextCodec[]) {
    this.#codecs = codecs;
    this.#reversed = [...codecs].reverse();
  }

  /** @throws what a codec throws, and Error for what no header could carry */
  encode(text: string): string {
    let encoded: unknown = text;
    for (const codec of this.#codecs) encoded = codec.encode(encoded as string);
    if (typeof encoded === 'string' && encoded.length <= MAX_ENCODED_LENGTH && CARRIED.test(encoded)) return encoded;
    // Without what it was: that may be a secret.
    throw new Error(
      `A codec has made what is no text, or none that headers and cookies of ${MAX_ENCODED_LENGTH} carry.`,
    );
  }

  /** Never throws. */
  decode(text: string): string | undefined {
    if (text.length > MAX_ENCODED_LENGTH) return undefined;
    let decoded: unknown = text;
    try {
      for (const codec of this.#reversed) {
        decoded = codec.decode(decoded as string);
        if (typeof decoded !== 'string') return undefined;
      }
    } catch {
      return undefined;
    }
    return decoded as string;
  }
}
