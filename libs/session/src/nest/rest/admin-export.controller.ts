import { Readable } from 'node:stream';
import { Get, Header, Inject, Query, Res, StreamableFile } from '@nestjs/common';
import type { z } from 'zod';
import { SessionAccess } from '../admin/session-access.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { SessionExport } from '../jobs/session-export.js';
import { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { withoutUndefined } from './defined.js';
import { CSV_HEADER, csvOf } from './session-csv.js';
import { EXPORT } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** What both frameworks' responses have, Fastify's behind `raw`. */
interface ClosingResponse {
  readonly raw?: ClosingResponse;
  once?(event: 'close', listener: () => void): unknown;
}

/** Behind the guard. Sessions as a file, within the scope that the application's policy gives. */
export class AdminExportController {
  constructor(
    @Inject(SessionExport) private readonly sessions: SessionExport,
    @Inject(SessionAccess) private readonly access: SessionAccess,
    @Inject(SessionIds) private readonly ids: SessionIds,
  ) {}

  @Get('sessions.csv')
  @Header('Content-Type', 'text/csv; charset=utf-8')
  async export(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(EXPORT)) query: z.output<typeof EXPORT>,
    @Res({ passthrough: true }) response: ClosingResponse,
  ): Promise<StreamableFile> {
    const scope = await this.access.scopeOf(actor, 'read');
    const pages = this.sessions.pages({ ...withoutUndefined(query), scope });
    // While nothing is sent yet, a database that is away can be told of.
    const first = await pages.next();
    const lines = Readable.from(linesOf(first.done === true ? [] : first.value, pages, this.ids));
    // Whoever goes away has nothing more asked for.
    (response.raw ?? response).once?.('close', () => lines.destroy());
    return new StreamableFile(lines, {
      type: 'text/csv; charset=utf-8',
      disposition: 'attachment; filename="sessions.csv"',
    });
  }
}

/** One chunk for each page; the next page is asked for when somebody takes it. */
async function* linesOf(
  first: readonly Session[],
  rest: AsyncGenerator<readonly Session[]>,
  ids: SessionIds,
): AsyncGenerator<string, void, undefined> {
  yield CSV_HEADER + csvOf(first, ids);
  for await (const page of rest) yield csvOf(page, ids);
}
