import { describe, expect, it } from '@jest/globals';
import type { Acknowledgement } from './delivery.js';
import { answerTexts } from './node-answers.js';
import { readNodeMessage } from './node-message.js';
import { PendingAnswers } from './pending-answers.js';

const LONGEST = 2_048;

describe('the answer of a node', () => {
  it('is cut into parts that may be sent, and put together again', () => {
    const acknowledged: Acknowledgement[] = Array.from({ length: 50 }, (_, n) => ({
      connectionId: `c${n}`,
      value: 'é'.repeat(100),
    }));
    const unacknowledged = Array.from({ length: 200 }, (_, n) => `u${n}`);
    const tooLong = { connectionId: 'long', value: 'x'.repeat(LONGEST) };
    const delivery = { reached: 251, failed: 1, acknowledged: [...acknowledged, tooLong], unacknowledged };
    const texts = answerTexts('id', 'node', delivery, LONGEST);
    expect(Math.max(...texts.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(LONGEST);
    const pending = new PendingAnswers(false);
    pending.expect(1);
    for (const text of texts) {
      expect(pending.isSettled).toBe(false);
      const answer = readNodeMessage(text);
      if (answer?.kind === 'answer') pending.take(answer);
    }
    expect(pending.isSettled).toBe(true);
    expect(pending.total).toEqual({ ...delivery, acknowledged, unacknowledged: [...unacknowledged, 'long'] });
  });

  it('counts once, however often it comes', () => {
    const [text] = answerTexts('id', 'node', { reached: 1, failed: 0, acknowledged: [], unacknowledged: [] }, LONGEST);
    const answer = readNodeMessage(text!);
    const pending = new PendingAnswers(false);
    pending.expect(2);
    for (let time = 0; time < 3; time += 1) if (answer?.kind === 'answer') pending.take(answer);
    expect(pending.total.reached).toBe(1);
    expect(pending.isSettled).toBe(false);
  });
});
