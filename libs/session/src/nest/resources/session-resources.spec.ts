import { describe, expect, it } from '@jest/globals';
import type { SessionRecord } from '../../core/session.js';
import { sessionRecordOf } from '../../testing/record-builder.js';
import type { SessionEvent, SessionEventListener } from '../events/session-event.js';
import { Session } from '../session/session.js';
import { SessionResources } from './session-resources.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const RESYNC: SessionEvent = { type: 'resync', reason: 'connection-lost' };

describe('what is held for sessions', () => {
  it('is looked at once more where changes were missed again while it was', async () => {
    const record = sessionRecordOf({ status: 'active' });
    let now: SessionRecord = record;
    const answers: (() => void)[] = [];
    let tell: SessionEventListener = () => undefined;
    const resources = new SessionResources(
      {
        trusted: () => undefined,
        load: async () => {
          const found = now;
          await new Promise<void>((resolve) => answers.push(resolve));
          return { record: found } as never;
        },
      },
      { covers: () => false },
      { listen: () => () => undefined } as never,
      {
        subscribe: (listener) => {
          tell = listener;
          return () => undefined;
        },
      },
    );
    const released: string[] = [];
    const holding = resources.hold(new Session(record), ({ because }) => released.push(because));
    answers.shift()!();
    await holding;
    void tell(RESYNC);
    // It has been read, alive, and ends in a second gap, before the first reading is through.
    now = { ...record, status: 'revoked', endedAt: 1, endReason: 'lost' };
    void tell(RESYNC);
    for (let n = 0; n < 5; n += 1) {
      for (const answer of answers.splice(0)) answer();
      await turn();
    }
    expect(released).toEqual(['revoked']);
  });
});
