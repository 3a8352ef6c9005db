import { Secret, TOTP } from 'otpauth';

const ISSUER = 'Identity session server';
/** As RFC 4226 recommends, and as long as SHA-1's output. */
const SECRET_BYTES = 20;
/** What every authenticator application does, and some do nothing else. */
const RULES = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
/** Steps before and after the current one whose codes are taken: people type slowly, and clocks differ. */
const WINDOW = 1;

/** For an authenticator application. */
export interface TotpEnrolment {
  /** In Base32, for typing. */
  readonly secret: string;
  /** `otpauth://totp/…`, for a link or a QR code. */
  readonly uri: string;
}

export function newTotpSecret(): Uint8Array {
  return new Secret({ size: SECRET_BYTES }).bytes;
}

export function enrolmentOf(bytes: Uint8Array, email: string): TotpEnrolment {
  const secret = secretOf(bytes);
  const uri = new TOTP({ ...RULES, issuer: ISSUER, label: email, secret }).toString();
  return { secret: secret.base32, uri };
}

/** The time step that the code belongs to, near `now`; `undefined` for a wrong code. Compared in constant time. */
export function stepOf(code: string, bytes: Uint8Array, now: number): number | undefined {
  const secret = secretOf(bytes);
  const delta = TOTP.validate({ ...RULES, secret, token: code, timestamp: now, window: WINDOW });
  return delta === null ? undefined : TOTP.counter({ period: RULES.period, timestamp: now }) + delta;
}

function secretOf(bytes: Uint8Array): Secret {
  return new Secret({ buffer: Uint8Array.from(bytes).buffer });
}
