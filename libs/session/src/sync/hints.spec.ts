import { describe, expect, it } from '@jest/globals';
import { CoalescedHints } from './hints.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('hints', () => {
  it('that come while one is on its way become one more', async () => {
    const sent: (() => void)[] = [];
    const hints = new CoalescedHints(
      () => new Promise<void>((resolve) => sent.push(resolve)),
      () => undefined,
    );
    for (let n = 0; n < 10; n += 1) hints.publish();
    expect(sent).toHaveLength(1);
    sent[0]!();
    await settled();
    expect(sent).toHaveLength(2);
    sent[1]!();
    await settled();
    expect(sent).toHaveLength(2);
  });

  it('that fail are told of, and the next is sent', async () => {
    const failures: unknown[] = [];
    let sent = 0;
    const hints = new CoalescedHints(
      () => Promise.reject(new Error(`no ${(sent += 1)}`)),
      (error) => failures.push(error),
    );
    hints.publish();
    await settled();
    hints.publish();
    await settled();
    expect(failures).toHaveLength(2);
  });
});
