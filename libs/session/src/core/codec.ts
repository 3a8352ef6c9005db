/**
 * Wraps text that leaves the server and takes the wrapping off what comes back: signs, encrypts, prefixes. Synchronous and
 * without I/O, since every request with a credential passes it.
 */
export interface TextCodec {
  encode(text: string): string;
  /** What `encode` was given; `undefined` for what it has not made. What it throws counts as that. */
  decode(text: string): string | undefined;
}

/** What encoded text must fit. */
export interface EncodedForm {
  readonly pattern: RegExp;
  readonly maxLength: number;
  /** Where it is carried, for whoever made the codec. */
  readonly in: string;
}

/**
 * What cookies and `Authorization: Bearer` can carry. Browsers keep cookies of 4 096 bytes, attributes and all.
 * @see RFC 6750 section 2.1
 */
export const CREDENTIAL_FORM: EncodedForm = {
  pattern: /^[A-Za-z0-9._~+/-]+=*$/,
  maxLength: 2_048,
  in: 'headers and cookies',
};

/** Codecs one after the other: the first is next to the text, the last next to the client. */
export class CodecChain {
  readonly #codecs: readonly TextCodec[];
  readonly #reversed: readonly TextCodec[];

  constructor(
    codecs: readonly TextCodec[],
    private readonly form: EncodedForm,
  ) {
    this.#codecs = codecs;
    this.#reversed = [...codecs].reverse();
  }

  /** @throws what a codec throws, and Error for what does not fit the form */
  encode(text: string): string {
    let encoded: unknown = text;
    for (const codec of this.#codecs) encoded = codec.encode(encoded as string);
    const { pattern, maxLength } = this.form;
    if (typeof encoded === 'string' && encoded.length <= maxLength && pattern.test(encoded)) return encoded;
    // Without what it was: that may be a secret.
    throw new Error(`A codec has made what is no text, or none that ${this.form.in} of ${maxLength} carry.`);
  }

  /** Never throws. */
  decode(text: string): string | undefined {
    if (text.length > this.form.maxLength) return undefined;
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
