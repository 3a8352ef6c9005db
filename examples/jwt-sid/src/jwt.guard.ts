import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { vouchForSession } from 'nestjs-identity-session';
import { Jwts } from './jwts.js';

interface Request {
  readonly headers: { readonly authorization?: string };
}

// #region guard
/** Verifies the JWT of a request, if it has one, and vouches for the session that it names. */
@Injectable()
export class JwtGuard implements CanActivate {
  constructor(private readonly jwts: Jwts) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const [, jwt] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (jwt === undefined) return true; // the session guard decides what goes without
    const claims = await this.jwts.verify(jwt).catch(() => {
      throw new UnauthorizedException();
    });
    vouchForSession(request, {
      sessionId: claims.sid, // missing, unknown, or of another user than `sub`: 401
      userId: claims.sub,
      assurance: claims.acr === 'aal2' ? 'aal2' : 'aal1', // what a step-up brings needs a new JWT
    });
    return true;
  }
}
// #endregion
