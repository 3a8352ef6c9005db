import { Controller, Get, Post } from '@nestjs/common';
import { CurrentUserId, RequireFreshSession } from 'nestjs-identity-session';
import { Roles } from './roles.guard.js';

@Controller('documents')
export class DocumentsController {
  @Get()
  list(@CurrentUserId() userId: string) {
    return { for: userId };
  }

  @Post()
  @Roles(['editor'])
  @RequireFreshSession({ maxAgeMs: 15 * 60_000 })
  publish(@CurrentUserId() userId: string) {
    return { publishedBy: userId };
  }
}
