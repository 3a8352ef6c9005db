import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { IdentitySessionError, type TokenKey } from 'nestjs-identity-session';

const ALGORITHM = 'aes-256-gcm';
const PURPOSE = 'identity-session-server totp secret 1';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A secret as it is stored. */
export interface BoxedSecret {
  readonly secret: Buffer;
  /** `null`: not sealed. */
  readonly keyId: string | null;
}

/**
 * Seals secrets under keys of their own, made from the token keys; the first seals, all open. A secret is bound to its
 * account: in another account's row it does not open. Without token keys secrets stay as they are.
 */
export class SecretBox {
  readonly #keys: ReadonlyMap<string, Buffer>;
  /** The key that seals; `null` where there is none. */
  readonly keyId: string | null;

  constructor(tokenKeys: readonly TokenKey[]) {
    this.#keys = new Map(
      tokenKeys.map(({ id, secret }) => [id, Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, KEY_BYTES))]),
    );
    this.keyId = tokenKeys[0]?.id ?? null;
  }

  seal(plain: Uint8Array, accountId: string): BoxedSecret {
    const key = this.keyId === null ? undefined : this.#keys.get(this.keyId);
    if (key === undefined) return { secret: Buffer.from(plain), keyId: null };
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(accountId));
    const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return { secret: sealed, keyId: this.keyId };
  }

  /** @throws IdentitySessionError `CONFIGURATION_INVALID` where the key is gone, or the secret is not the account's */
  open({ secret, keyId }: BoxedSecret, accountId: string): Uint8Array {
    if (keyId === null) return secret;
    const key = this.#keys.get(keyId);
    if (key === undefined) {
      throw broken(`is sealed with the key "${keyId}", which is not among SESSION_TOKEN_KEYS; put it back`);
    }
    try {
      const decipher = createDecipheriv(ALGORITHM, key, secret.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(accountId))
        .setAuthTag(secret.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(secret.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch (error) {
      throw broken(`does not open with the key "${keyId}": the key or the row is another one`, error);
    }
  }
}

function broken(what: string, cause?: unknown): IdentitySessionError {
  return new IdentitySessionError('CONFIGURATION_INVALID', `The secret of a second factor ${what}.`, {}, cause);
}
