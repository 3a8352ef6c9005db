import type { TokenKey } from 'nestjs-identity-session';
import type { EnvironmentReader } from './environment-reader.js';

const KEY_ID = /^[A-Za-z0-9]{1,16}$/;
const HEX = /^(?:[0-9a-fA-F]{2})+$/;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const MIN_SECRET_BYTES = 32;

/**
 * `id:secret`, separated by commas; secrets in hexadecimal or base64url, of 32 bytes or more. The first key signs, the
 * others are still accepted.
 */
export function readTokenKeys(reader: EnvironmentReader, name: string): readonly TokenKey[] {
  const keys = reader.list(name).map((entry, index) => {
    const separator = entry.indexOf(':');
    const id = entry.slice(0, Math.max(0, separator));
    const secret = decodeSecret(entry.slice(separator + 1));
    if (!KEY_ID.test(id)) {
      reader.report(`${name}: key ${index + 1} must be "id:secret" with an id of 1 to 16 letters and digits.`);
    } else if (secret === undefined || secret.length < MIN_SECRET_BYTES) {
      reader.report(
        `${name}: the secret of key "${id}" must be at least ${MIN_SECRET_BYTES} bytes in hexadecimal or base64url; ` +
          `make one with: openssl rand -hex 32`,
      );
    }
    return { id, secret: secret ?? new Uint8Array() };
  });
  const ids = keys.map((key) => key.id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined && KEY_ID.test(twice)) reader.report(`${name}: the key id "${twice}" is there twice.`);
  return keys;
}

function decodeSecret(text: string): Uint8Array | undefined {
  if (HEX.test(text)) return Buffer.from(text, 'hex');
  return BASE64URL.test(text) ? Buffer.from(text, 'base64url') : undefined;
}
