import { Injectable } from '@nestjs/common';
import { createSecretKey, randomBytes } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Session } from 'nestjs-identity-session';

const ISSUER = 'https://example.com';
const AUDIENCE = 'example-api';

// #region jwts
/** The application's own JWTs. The key is made up at each start here; yours is configured, or your identity provider's. */
@Injectable()
export class Jwts {
  readonly #key = createSecretKey(randomBytes(32));

  /** A JWT that counts for as long as its session does. */
  issue(session: Session): Promise<string> {
    return new SignJWT({ sid: session.id, acr: session.assurance })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(session.userId)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(session.expiresAt)
      .sign(this.#key);
  }

  /** The claims, once signature, issuer, audience and expiry are verified; rejects otherwise. */
  async verify(jwt: string): Promise<JWTPayload> {
    const { payload } = await jwtVerify(jwt, this.#key, { algorithms: ['HS256'], issuer: ISSUER, audience: AUDIENCE });
    return payload;
  }
}
// #endregion
