import { Injectable, UnauthorizedException } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-local';
import { type User, userWith } from './users.js';

/** Passport's part: who it is. Any other strategy fits as well: OAuth, SAML, WebAuthn. */
@Injectable()
export class LocalStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({ usernameField: 'user' });
  }

  validate(name: string, password: string): User {
    const user = userWith(name, password);
    if (user === undefined) throw new UnauthorizedException();
    return user;
  }
}
