import fc from 'fast-check';
import {
  digestsEqual,
  digestToken,
  parseToken,
  SECRET_BYTES,
  TokenMint,
  type ParsedToken,
  type TokenKey,
} from './token.js';

export const sessionIds = fc.uuid();

/** Short of the largest generation that a token can carry, so that chains have room. */
export const generations = fc.integer({ min: 0, max: 999_999_900 });

export const tokenKeys: fc.Arbitrary<TokenKey> = fc.record({
  id: fc.string({ unit: fc.constantFrom('a', 'b', 'Z', '0', '9'), minLength: 1, maxLength: 16 }),
  secret: fc.uint8Array({ minLength: 32, maxLength: 64 }),
});

/** The keys of a deployment: their ids are distinct. */
export function keyRings(minLength = 0): fc.Arbitrary<TokenKey[]> {
  return fc.uniqueArray(tokenKeys, { minLength, maxLength: 3, selector: ({ id }) => id });
}

/** A token, what it was made of, what is stored for it and the mint that made it. */
export interface Issued {
  readonly id: string;
  readonly generation: number;
  readonly keys: readonly TokenKey[];
  readonly mint: TokenMint;
  readonly token: string;
  readonly digest: Uint8Array;
}

export function issued(rings: fc.Arbitrary<TokenKey[]> = keyRings()): fc.Arbitrary<Issued> {
  const secrets = fc.uint8Array({ minLength: SECRET_BYTES, maxLength: SECRET_BYTES });
  return fc
    .record({ id: sessionIds, generation: generations, keys: rings, secret: secrets })
    .map(({ id, generation, keys, secret }) => {
      const mint = new TokenMint(keys, { bytes: () => secret });
      return { id, generation, keys, mint, ...mint.mint(id, generation) };
    });
}

/** Reads what must be a token. */
export function parsed(token: string): ParsedToken {
  const result = parseToken(token);
  if (result === undefined) throw new Error(`${token} is not a token`);
  return result;
}

/** What a check does with a credential: true only for a token whose digest is the stored one. */
export function passes(text: string, mint: TokenMint, stored: Uint8Array): boolean {
  const token = parseToken(text);
  return token !== undefined && mint.isGenuine(token) && digestsEqual(digestToken(token.body), stored);
}

export function secretOf(token: string): string {
  const { body } = parsed(token);
  return body.slice(body.lastIndexOf('.') + 1);
}
