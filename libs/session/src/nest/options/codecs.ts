import { CodecChain, CREDENTIAL_FORM, type TextCodec } from '../../core/codec.js';
import { systemTokenSource, TokenMint } from '../../core/token.js';
import { SessionIds } from '../session/session-ids.js';

const SOME_ID = '01890000-0000-7000-8000-000000000000';
const OTHER_ID = 'ffffffff-ffff-7fff-bfff-ffffffffffff';
/** As long as tokens are. */
const LONGEST_KEY = { id: 'k'.repeat(16), secret: new Uint8Array(32) };

export function isCodec(value: unknown): boolean {
  const { encode, decode } = (value ?? {}) as Partial<Record<keyof TextCodec, unknown>>;
  return typeof encode === 'function' && typeof decode === 'function';
}

/** Tries them with a token, so that a mistake shows at start and not at the first sign-in. */
export function goesBackAndForth(codecs: readonly TextCodec[]): boolean {
  const { token } = new TokenMint([LONGEST_KEY], systemTokenSource).mint(SOME_ID, 999_999_999);
  const chain = new CodecChain(codecs, CREDENTIAL_FORM);
  try {
    return chain.decode(chain.encode(token)) === token;
  } catch {
    return false;
  }
}

/** Tries codecs of ids likewise. What is told in one place has to be found in another: the same text each time. */
export function nameOneEach(codecs: readonly TextCodec[]): boolean {
  const ids = new SessionIds(codecs);
  try {
    const isKept = (id: string) => ids.decode(ids.encode(id)) === id && ids.encode(id) === ids.encode(id);
    return isKept(SOME_ID) && isKept(OTHER_ID);
  } catch {
    return false;
  }
}
