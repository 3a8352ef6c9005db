import { Body, Controller, Get, HttpCode, Post, Req, Res, UnauthorizedException } from '@nestjs/common';
import { AllowAnonymous, CurrentUserId, SessionService } from 'nestjs-identity-session';
import { Jwts } from './jwts.js';
import { userWith } from './users.js';

@Controller()
export class AuthController {
  constructor(
    private readonly sessions: SessionService,
    private readonly jwts: Jwts,
  ) {}

  // #region sign-in
  @AllowAnonymous()
  @Post('sign-in')
  async signIn(@Body() body: { user?: unknown; password?: unknown }, @Req() request: unknown) {
    const user = userWith(body.user, body.password);
    if (user === undefined) throw new UnauthorizedException();
    // Without the response, and its own token unused: the JWT is the only credential of this session.
    const { session } = await this.sessions.signIn({ userId: user.id }, { request });
    return { sessionId: session.id, accessToken: await this.jwts.issue(session) };
  }
  // #endregion

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
