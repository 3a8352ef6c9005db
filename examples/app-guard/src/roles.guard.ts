import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { sessionOf } from 'nestjs-identity-session';
import { rolesOf } from './users.js';

// #region roles
export const Roles = Reflector.createDecorator<string[]>();

/** Comes after the session guard, which has left the session with the request. */
@Injectable()
export class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const needed = this.reflector.getAllAndOverride(Roles, [context.getHandler(), context.getClass()]) ?? [];
    const session = sessionOf(context.switchToHttp().getRequest());
    const roles = session === null ? [] : rolesOf(session.userId);
    return needed.every((role) => roles.includes(role));
  }
}
// #endregion
