import { Controller, Get, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { AllowAnonymous, CsrfGuard, CurrentUserId, SessionService } from 'nestjs-identity-session';
import type { User } from './users.js';

// #region controller
@Controller()
export class AuthController {
  constructor(private readonly sessions: SessionService) {}

  @AllowAnonymous()
  @UseGuards(CsrfGuard, AuthGuard('local')) // Passport's strategy checks the password and leaves the user with the request
  @Post('sign-in')
  async signIn(@Req() request: { readonly user: User }, @Res({ passthrough: true }) response: unknown) {
    const { session } = await this.sessions.signIn({ userId: request.user.id }, { request, response });
    return { sessionId: session.id };
  }

  @AllowAnonymous()
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: unknown, @Res({ passthrough: true }) response: unknown) {
    await this.sessions.signOut({ request, response });
  }

  @Get('me') // no strategy here: the session guard, which is global, knows the user
  me(@CurrentUserId() userId: string) {
    return { userId };
  }
}
// #endregion
