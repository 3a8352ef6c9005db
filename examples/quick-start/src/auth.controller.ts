// #region readme
// auth.controller.ts
import { Body, Controller, Get, HttpCode, Post, Req, Res, UnauthorizedException, UseGuards } from '@nestjs/common';
import { AllowAnonymous, CsrfGuard, CurrentUserId, SessionService } from 'nestjs-identity-session';
import { userWith } from './users.js'; // your application's own

@Controller()
export class AuthController {
  constructor(private readonly sessions: SessionService) {}

  @AllowAnonymous()
  @UseGuards(CsrfGuard) // no other site signs a visitor in
  @Post('sign-in')
  async signIn(@Body() body: unknown, @Req() request: unknown, @Res({ passthrough: true }) response: unknown) {
    const user = userWith(body); // your application's own check of the password
    if (user === undefined) throw new UnauthorizedException();
    const { session } = await this.sessions.signIn({ userId: user.id }, { request, response }); // sets the cookie
    return { sessionId: session.id };
  }

  @AllowAnonymous() // so that a dead cookie is cleared too
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: unknown, @Res({ passthrough: true }) response: unknown) {
    await this.sessions.signOut({ request, response });
  }

  @Get('me')
  me(@CurrentUserId() userId: string) {
    return { userId };
  }
}
// #endregion
