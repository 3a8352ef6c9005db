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
