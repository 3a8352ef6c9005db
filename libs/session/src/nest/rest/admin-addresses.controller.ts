import { Get, Inject, Param, Query } from '@nestjs/common';
import { SessionAccess } from '../admin/session-access.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import type { Session } from '../session/session.js';
import { notFound } from '../sign-in/not-found.js';
import { NOTHING } from './session-queries.js';
import { SessionIdPipe } from './session-id.pipe.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** From where a session was used: exactly these keys. */
export interface AddressesJson {
  /** The node on which it began. */
  readonly nodeName: string | null;
  /** The latest first. */
  readonly items: readonly { readonly ip: string; readonly firstSeenAt: string; readonly lastSeenAt: string }[];
}

/** Behind the guard. The addresses of a session, within the scope that the application's policy gives. */
export class AdminAddressesController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
  ) {}

  @Get('sessions/:id/addresses')
  async addresses(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
  ): Promise<AddressesJson> {
    const origins = await this.admin.addresses(id, await this.access.scopeOf(actor, 'read'));
    if (origins === undefined) throw notFound();
    return {
      nodeName: origins.nodeName,
      items: origins.addresses.map(({ ip, firstSeenAt, lastSeenAt }) => ({
        ip,
        firstSeenAt: new Date(firstSeenAt).toISOString(),
        lastSeenAt: new Date(lastSeenAt).toISOString(),
      })),
    };
  }
}
