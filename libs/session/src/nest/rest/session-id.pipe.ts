import { Inject, Injectable, type PipeTransform } from '@nestjs/common';
import { SessionIds } from '../session/session-ids.js';

/** An id in a path, as it is inside. What is none is one that no session has: answered as an unknown one is. */
@Injectable()
export class SessionIdPipe implements PipeTransform<string, string> {
  constructor(@Inject(SessionIds) private readonly ids: SessionIds) {}

  transform(text: string): string {
    return this.ids.decode(text);
  }
}

/** Where bodies name sessions. */
interface NamingBody {
  readonly filter?: { readonly ids?: readonly string[] | undefined };
  readonly except?: readonly string[] | undefined;
  readonly answer?: { readonly end?: readonly string[] | undefined } | undefined;
}

/**
 * After a schema: the sessions that a body names, as they are inside; but for an answer to a policy, which the sign-in takes
 * as clients have it. What names no session id is as malformed as what the schema refuses, whoever sends it.
 * @throws IdentitySessionError `VALIDATION_FAILED`
 */
@Injectable()
export class NamedSessionsPipe<T extends NamingBody> implements PipeTransform<T, T> {
  constructor(@Inject(SessionIds) private readonly ids: SessionIds) {}

  transform(body: T): T {
    const { filter, except, answer } = body;
    if (answer?.end !== undefined) this.ids.decodeAll(answer.end, 'answer.end');
    return {
      ...body,
      ...(filter?.ids === undefined
        ? {}
        : { filter: { ...filter, ids: this.ids.decodeAll(filter.ids, 'filter.ids') } }),
      ...(except === undefined ? {} : { except: this.ids.decodeAll(except, 'except') }),
    };
  }
}
