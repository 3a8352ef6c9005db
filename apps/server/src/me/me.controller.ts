import { Controller, Get } from '@nestjs/common';
import { CurrentSession, type Session } from 'nestjs-identity-session';

@Controller('me')
export class MeController {
  /** Who is signed in here. */
  @Get()
  me(@CurrentSession() session: Session): { userId: string; sessionId: string } {
    return { userId: session.userId, sessionId: session.id };
  }
}
