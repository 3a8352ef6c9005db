import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type CutOff, cutOffScopeKey, isCutOffBy, type Issued } from '../core/cut-off.js';
import { CutOffs } from './cut-offs.js';

const ids = ['*', 'a', 'a:b', 'b', '', '__proto__'];
const tenantId = fc.option(fc.constantFrom(...ids));
const userId = fc.constantFrom(...ids);
const moment = fc.integer({ min: 0, max: 6 });

const scope = fc.record({ tenantId, userId }, { requiredKeys: [] });
const cutOff: fc.Arbitrary<CutOff> = fc.record(
  { scope, notBefore: moment, protectedNotBefore: moment },
  { requiredKeys: ['scope', 'notBefore'] },
);
const session = fc.record({ tenantId, userId, createdAt: moment, isProtected: fc.boolean() });

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
    const victim = { tenantId: null, userId: 'alice', createdAt: 5, isProtected: false };
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

describe('a cut-off that includes protected sessions', () => {
  const scope = { userId: 'alice' };
  const [ordinary, guarded] = [false, true].map((isProtected) => ({
    ...{ tenantId: null, userId: 'alice', createdAt: 5, isProtected },
  })) as [Issued, Issued];

  it('covers them, and one that does not leaves both as they are', () => {
    const known = new CutOffs();
    known.apply([{ scope, notBefore: 5 }]);
    expect([ordinary, guarded].map((each) => known.covers(each))).toEqual([true, false]);
    known.apply([{ scope, notBefore: 6, protectedNotBefore: 6 }]);
    known.apply([{ scope, notBefore: 7 }]);
    expect([ordinary, guarded].map((each) => known.covers(each))).toEqual([true, true]);
    expect(known.covers({ ...guarded, createdAt: 7 })).toBe(false);
  });

  it('is told of where it ends more of them alone', () => {
    const known = new CutOffs();
    known.apply([{ scope, notBefore: 5 }]);
    const told: unknown[] = [];
    known.onApplied((each) => told.push([each.protectedNotBefore, known.covers(guarded)]));
    known.apply([{ scope, notBefore: 5, protectedNotBefore: 5 }]);
    known.apply([{ scope, notBefore: 5, protectedNotBefore: 5 }]);
    expect(told).toEqual([[5, true]]);
  });
});

describe('the key of a scope', () => {
  it('is the same for the same scope only', () => {
    const parts = (one: CutOff['scope']) => ['tenantId' in one && [one.tenantId], 'userId' in one && [one.userId]];
    fc.assert(
      fc.property(scope, scope, (a, b) => {
        const isSame = JSON.stringify(parts(a)) === JSON.stringify(parts(b));
        expect(cutOffScopeKey(a) === cutOffScopeKey(b)).toBe(isSame);
      }),
    );
  });
});
