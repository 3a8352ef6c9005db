import { setTimeout as pause } from 'node:timers/promises';
import { Secret, TOTP } from 'otpauth';

const PERIOD_MS = 30_000;
/** A code must not go out of date on its way. */
const ON_ITS_WAY_MS = 3_000;

/** The application on somebody's phone. Begins with the oldest code that is taken, so that three follow one another at once. */
export class Authenticator {
  readonly #totp: TOTP;
  #last = -1;

  constructor(secret: string) {
    this.#totp = new TOTP({ secret: Secret.fromBase32(secret), algorithm: 'SHA1', digits: 6, period: 30 });
  }

  /** A code that was not used before, and is taken now. */
  async next(): Promise<string> {
    const step = Math.max(this.#last + 1, stepAt(Date.now() + ON_ITS_WAY_MS) - 1);
    const early = (step - 1) * PERIOD_MS - Date.now();
    if (early > 0) await pause(early);
    this.#last = step;
    return this.#codeAt(step);
  }

  /** A code of no time near now. */
  wrong(): string {
    const now = stepAt(Date.now());
    const right = [-2, -1, 0, 1, 2].map((delta) => this.#codeAt(now + delta));
    return ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !right.includes(code)) ?? '';
  }

  #codeAt(step: number): string {
    return this.#totp.generate({ timestamp: step * PERIOD_MS });
  }
}

function stepAt(at: number): number {
  return Math.floor(at / PERIOD_MS);
}
