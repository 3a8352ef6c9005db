import { randomBytes } from 'node:crypto';

const SALT_BYTES = 16;

/** A new salt for a row: what derives the successor of its token. */
export function newRotationSalt(): Uint8Array {
  return randomBytes(SALT_BYTES);
}
