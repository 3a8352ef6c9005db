import { Body, Controller, Delete, HttpCode, HttpStatus, Post, Req, Res } from '@nestjs/common';
import { CurrentSession, RequireFreshSession, type Session, ZodValidationPipe } from 'nestjs-identity-session';
import type { HttpExchange } from '../http/http-exchange.js';
import type { TotpEnrolment } from '../second-factor/totp.js';
import { type FactorAnswer, SecondFactorService } from '../sign-in/second-factor.service.js';
import { confirmSchema, type ConfirmBody } from '../sign-in/sign-in.schemas.js';

type Request = HttpExchange['request'];
type Response = HttpExchange['response'];

/** Who left a device signed in must not find it locked with somebody else's factor. */
const FRESH_MS = 10 * 60_000;

/** One's own second factor. */
@Controller('me/factors/totp')
@RequireFreshSession({ maxAgeMs: FRESH_MS })
export class TotpController {
  constructor(private readonly factors: SecondFactorService) {}

  /** Tells the secret, this once; it counts when a code of it is confirmed. */
  @Post()
  enrol(@CurrentSession() session: Session): Promise<TotpEnrolment> {
    return this.factors.enrol(session);
  }

  /** From now on every sign-in needs a code. */
  @Post('confirm')
  @HttpCode(HttpStatus.OK)
  confirm(
    @CurrentSession() session: Session,
    @Body(new ZodValidationPipe(confirmSchema)) { code }: ConfirmBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<FactorAnswer> {
    return this.factors.confirm(session, code, { request, response });
  }

  /** Sign-ins need no code any more. */
  @Delete()
  @HttpCode(HttpStatus.NO_CONTENT)
  remove(
    @CurrentSession() session: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    return this.factors.remove(session, { request, response });
  }
}
