import { Body, Controller, HttpCode, Post, Req, Res, UnauthorizedException, UseGuards } from '@nestjs/common';
import { AllowAnonymous, CsrfGuard, SessionService } from 'nestjs-identity-session';
import { userWith } from './users.js';

@Controller()
export class AuthController {
  constructor(private readonly sessions: SessionService) {}

  @AllowAnonymous()
  @UseGuards(CsrfGuard)
  @Post('sign-in')
  async signIn(
    @Body() body: { user?: unknown; password?: unknown },
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ) {
    const user = userWith(body.user, body.password);
    if (user === undefined) throw new UnauthorizedException();
    const { session } = await this.sessions.signIn({ userId: user.id }, { request, response });
    return { sessionId: session.id };
  }

  @AllowAnonymous()
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: unknown, @Res({ passthrough: true }) response: unknown) {
    await this.sessions.signOut({ request, response });
  }
}
