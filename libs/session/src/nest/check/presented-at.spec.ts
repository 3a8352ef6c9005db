import { describe, expect, it } from '@jest/globals';
import { demandMeasured, presentedAt } from './presented-at.js';

const CAME = { begunAt: 1_000, begunAtWall: 50_000 };

describe('when a token was presented', () => {
  it.each([
    ['is as long ago as it took', { begunAt: 1_200, begunAtWall: 50_200 }, 9_800],
    ['is before a sleep that came since', { begunAt: 1_200, begunAtWall: 90_200 }, -30_200],
    ['is not later for a clock that was set back', { begunAt: 1_200, begunAtWall: 20_000 }, 9_800],
  ])('[row 8] %s', (_what, now, at) => {
    expect(presentedAt(CAME, now, 10_000)).toBe(at);
  });

  it.each([
    [{ begunAt: 1_200, begunAtWall: 90_200 }, true],
    [{ begunAt: 1_200, begunAtWall: 20_000 }, true],
    [{ begunAt: 41_000, begunAtWall: 90_000 }, false],
  ])('[row 8] and whether that was measured: %j', (now, isUnmeasured) => {
    const demand = () => {
      demandMeasured(CAME, now);
    };
    if (isUnmeasured) expect(demand).toThrow(expect.objectContaining({ code: 'SESSION_STORE_UNAVAILABLE' }));
    else expect(demand).not.toThrow();
  });
});
