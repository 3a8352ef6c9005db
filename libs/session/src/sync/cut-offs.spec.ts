import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type CutOff, cutOffScopeKey, isCutOffBy } from '../core/cut-off.js';
import { CutOffs } from './cut-offs.js';

const ids = ['*', 'a', 'a:b', 'b', '', '__proto__'];
const tenantId = fc.option(fc.constantFrom(...ids));
const userId = fc.constantFrom(...ids);
const moment = fc.integer({ min: 0, max: 6 });

const cutOff: fc.Arbitrary<CutOff> = fc.record({
  scope: fc.record({ tenantId, userId }, { requiredKeys: [] }),
  notBefore: moment,
});
const session = fc.record({ tenantId, userId, createdAt: moment });

describe('the cut-offs that a node knows of', () => {
  it('cover what any of them covers, in whatever order they came', () => {
    fc.assert(
      fc.property(fc.array(cutOff, { maxLength: 8 }), fc.array(session, { minLength: 1 }), (made, sessions) => {
        const known = new CutOffs();
        known.apply(made);
        for (const one of sessions) expect(known.covers(one)).toBe(made.some((each) => isCutOffBy(each, one)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('never uncover anything', () => {
    fc.assert(
      fc.property(fc.array(cutOff, { maxLength: 8 }), session, (made, one) => {
        const known = new CutOffs();
        let wasCovered = false;
        for (const each of made) {
          known.apply([each]);
          const isCovered = known.covers(one);
          if (wasCovered) expect(isCovered).toBe(true);
          wasCovered = isCovered;
        }
      }),
    );
  });

  it('tell their listeners of what ends more than before, once, after it is in force', () => {
    const known = new CutOffs();
    const told: unknown[] = [];
    const victim = { tenantId: null, userId: 'alice', createdAt: 5 };
    const stop = known.onApplied((each) => told.push([each.notBefore, known.covers(victim)]));
    const scope = { userId: 'alice' };
    known.apply([
      { scope, notBefore: 5 },
      { scope, notBefore: 5 },
      { scope, notBefore: 4 },
      { scope, notBefore: 6 },
    ]);
    stop();
    known.apply([{ scope, notBefore: 7 }]);
    expect(told).toEqual([
      [5, true],
      [6, true],
    ]);
  });
});

describe('the key of a scope', () => {
  it('is the same for the same scope only', () => {
    const scope = fc.record({ tenantId, userId }, { requiredKeys: [] });
    const parts = (one: CutOff['scope']) => ['tenantId' in one && [one.tenantId], 'userId' in one && [one.userId]];
    fc.assert(
      fc.property(scope, scope, (a, b) => {
        const isSame = JSON.stringify(parts(a)) === JSON.stringify(parts(b));
        expect(cutOffScopeKey(a) === cutOffScopeKey(b)).toBe(isSame);
      }),
    );
  });
});
