import { Body, Controller, Delete, Get, Post, Req, Res } from '@nestjs/common';
import {
  AllowPendingSession,
  type AssuranceLevel,
  type CompletionExchange,
  CurrentSession,
  missingRequirements,
  OptionalSession,
  RequireAssurance,
  RequireFreshSession,
  type Session,
  SessionService,
  SkipSessionTouch,
  StrictSession,
} from 'nestjs-identity-session';

/** What the route `/fresh` asks for. */
export const FRESH_MS = 300_000;

/** Routes that ask for more, or for less, than a live session. */
@Controller()
export class RuleController {
  /** Is no activity. */
  @SkipSessionTouch()
  @Get('peek')
  peek(@CurrentSession() session: Session): { sessionId: string } {
    return { sessionId: session.id };
  }

  @StrictSession()
  @Get('strict')
  strict(@CurrentSession() session: Session): { sessionId: string } {
    return { sessionId: session.id };
  }

  @RequireAssurance('aal2')
  @Get('second-factor')
  secondFactor(@CurrentSession() session: Session): { assurance: AssuranceLevel } {
    return { assurance: session.assurance };
  }

  @RequireFreshSession({ maxAgeMs: FRESH_MS })
  @Get('fresh')
  fresh(@CurrentSession() session: Session): { authenticatedAt: Date } {
    return { authenticatedAt: session.authenticatedAt };
  }

  @OptionalSession()
  @Get('optional')
  optional(@CurrentSession() session: Session | null): { sessionId: string | null } {
    return { sessionId: session?.id ?? null };
  }
}

/** The user proves again who they are. */
@Controller()
export class ElevateController {
  constructor(private readonly sessions: SessionService) {}

  @Post('elevate')
  async elevate(
    @CurrentSession() current: Session,
    @Body() body: { readonly assurance: AssuranceLevel },
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<{ id: string }> {
    const { session } = await this.sessions.elevate(current, { request, response, assurance: body.assurance });
    return { id: session.id };
  }
}

/** The user's rights or credentials change. */
@Controller()
export class RotateController {
  constructor(private readonly sessions: SessionService) {}

  @Post('rotate')
  async rotate(
    @CurrentSession() current: Session,
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<{ id: string }> {
    const { session } = await this.sessions.rotate(current, { request, response, reason: 'rights_changed' });
    return { id: session.id };
  }
}

/** Where a sign-in is completed. */
@Controller()
export class PendingController {
  constructor(private readonly sessions: SessionService) {}

  @AllowPendingSession()
  @Get('waiting')
  waiting(@CurrentSession() session: Session): { status: string; missing: string[] } {
    return { status: session.status, missing: missingRequirements(session) };
  }

  @AllowPendingSession()
  @Post('complete')
  async complete(
    @CurrentSession() current: Session,
    @Body() body: Pick<CompletionExchange, 'requirement' | 'assurance' | 'answer'>,
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<object> {
    const { session, missing, evicted, token } = await this.sessions.complete(current, { ...body, request, response });
    return { status: session.status, missing, evicted, isNew: token !== null };
  }

  @AllowPendingSession()
  @Delete('complete')
  async giveUp(@CurrentSession() current: Session): Promise<void> {
    await this.sessions.reject(current, { reason: 'gave_up', by: current.userId });
  }
}
