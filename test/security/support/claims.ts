import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { vouchForSession } from 'nestjs-identity-session';

const KEY = randomBytes(32);

/** What a test puts into a JWT; `auth_time` is in seconds. */
export interface Claims {
  readonly sid?: unknown;
  readonly sub?: unknown;
  readonly tenant?: unknown;
  readonly acr?: 'aal1' | 'aal2' | 'aal3' | undefined;
  readonly auth_time?: number | undefined;
}

/** A compact JWS with HMAC, as an application would issue one. */
export function jwtOf(claims: Claims): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${payload}.${signatureOf(payload)}`;
}

/** The application's own check of its tokens: middleware that vouches for what it has verified, and for nothing else. */
export function vouchForJwts(app: INestApplication): void {
  app.use((request: IncomingMessage, _response: unknown, next: () => void) => {
    const claims = verifiedClaims(request.headers['x-jwt']);
    if (claims !== undefined) {
      const { sid, sub, tenant, acr, auth_time: authTime } = claims;
      vouchForSession(request, {
        sessionId: sid,
        userId: sub,
        tenantId: tenant,
        assurance: acr,
        authenticatedAt: authTime === undefined ? undefined : new Date(authTime * 1_000),
      });
    }
    next();
  });
}

function verifiedClaims(jwt: unknown): Claims | undefined {
  const [payload = '', signature = ''] = typeof jwt === 'string' ? jwt.split('.') : [];
  const right = signatureOf(payload);
  if (signature.length !== right.length || !timingSafeEqual(Buffer.from(signature), Buffer.from(right)))
    return undefined;
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
}

function signatureOf(payload: string): string {
  return createHmac('sha256', KEY).update(payload).digest('base64url');
}
