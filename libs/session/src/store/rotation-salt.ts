import { randomBytes } from 'node:crypto';

const SALT_BYTES = 16;

/** A new salt for a row: what derives the successor of its token, as records have it. */
export function newRotationSalt(): string {
  return saltText(randomBytes(SALT_BYTES));
}

/** A salt as records have it. */
export function saltText(salt: Uint8Array): string {
  return Buffer.from(salt.buffer, salt.byteOffset, salt.byteLength).toString('base64url');
}

/** The bytes of a salt, as they are stored and derived from. */
export function saltBytes(salt: string): Uint8Array {
  return Buffer.from(salt, 'base64url');
}
