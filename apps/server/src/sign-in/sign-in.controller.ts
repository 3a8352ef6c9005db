import { Body, Controller, HttpCode, HttpStatus, Post, Req, Res, UseGuards } from '@nestjs/common';
import {
  AllowAnonymous,
  AllowPendingSession,
  CsrfGuard,
  CurrentSession,
  SessionService,
  ZodValidationPipe,
  type Session,
} from 'nestjs-identity-session';
import { AccountsService } from '../accounts/accounts.service.js';
import {
  changePasswordSchema,
  completeSchema,
  signInSchema,
  signUpSchema,
  type ChangePasswordBody,
  type CompleteBody,
  type SignInBody,
  type SignUpBody,
} from './sign-in.schemas.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { SignInService, type ChangePasswordAnswer, type SignInAnswer } from './sign-in.service.js';

type Request = HttpExchange['request'];
type Response = HttpExchange['response'];

/** Another site's page must not sign a visitor in as somebody else either: a browser has no cookie then. */
@Controller('auth')
@UseGuards(CsrfGuard)
export class SignInController {
  constructor(
    private readonly accounts: AccountsService,
    private readonly signIns: SignInService,
    private readonly sessions: SessionService,
  ) {}

  /** Makes an account of one's own; it is not signed in yet. */
  @Post('sign-up')
  @AllowAnonymous()
  async signUp(@Body(new ZodValidationPipe(signUpSchema)) body: SignUpBody): Promise<{ userId: string }> {
    const account = await this.accounts.create({ ...body, role: 'user', tenantId: null });
    return { userId: account.id };
  }

  /** Begins a session, in place of the one that the request carries. */
  @Post('sign-in')
  @AllowAnonymous()
  @HttpCode(HttpStatus.OK)
  signIn(
    @Body(new ZodValidationPipe(signInSchema)) body: SignInBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignInAnswer> {
    return this.signIns.signIn(body, { request, response });
  }

  /** Takes the one-time password of an account that has a second factor; then it is signed in. */
  @Post('complete')
  @AllowPendingSession()
  @HttpCode(HttpStatus.OK)
  complete(
    @CurrentSession() session: Session,
    @Body(new ZodValidationPipe(completeSchema)) body: CompleteBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignInAnswer> {
    return this.signIns.complete(session, body, { request, response });
  }

  /** Ends the session that the request carries. */
  @Post('sign-out')
  @AllowAnonymous()
  @HttpCode(HttpStatus.NO_CONTENT)
  signOut(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<void> {
    return this.sessions.signOut({ request, response });
  }

  /** Changes one's password. */
  @Post('password')
  @HttpCode(HttpStatus.OK)
  changePassword(
    @CurrentSession() session: Session,
    @Body(new ZodValidationPipe(changePasswordSchema)) body: ChangePasswordBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ChangePasswordAnswer> {
    return this.signIns.changePassword(session, body, { request, response });
  }
}
