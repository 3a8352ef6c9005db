import { Injectable, type OnModuleInit } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { HashingQueue } from './hashing-queue.js';

/** argon2id, the library's default algorithm. @see OWASP Password Storage Cheat Sheet */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Hashes passwords, a few at a time. One password typed on two systems is the same after normalisation (NFC). */
@Injectable()
export class PasswordHasher implements OnModuleInit {
  readonly #queue = new HashingQueue();
  /** A hash that no password has, to be verified for accounts that do not exist. */
  #decoy: Promise<string> | undefined;

  /** Beforehand, so that not even the first unknown account takes longer. */
  async onModuleInit(): Promise<void> {
    await this.#decoyHash();
  }

  hash(password: string): Promise<string> {
    return this.#queue.run(() => hash(password.normalize('NFC'), PARAMETERS));
  }

  /** Takes as long for an account that does not exist (`null`) as for one that does. */
  async verify(passwordHash: string | null, password: string): Promise<boolean> {
    const hashed = passwordHash ?? (await this.#decoyHash());
    const matches = await this.#queue.run(() => verify(hashed, password.normalize('NFC')));
    return matches && passwordHash !== null;
  }

  #decoyHash(): Promise<string> {
    this.#decoy ??= hash('no account has this password', PARAMETERS);
    return this.#decoy;
  }
}
