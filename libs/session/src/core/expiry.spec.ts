import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dueAt, expiryOf, lifetimesFor, type LifetimeRules, type Lifetimes } from './expiry.js';

const DAY = 86_400_000;
const start = 1_700_000_000_000;
const durations = fc.integer({ min: 1, max: 400 * DAY });

const timed = fc
  .record({ idleTimeoutMs: durations, lifetimeMs: durations, accessedAfterMs: durations })
  .map(({ idleTimeoutMs, lifetimeMs, accessedAfterMs }) => ({
    session: { idleTimeoutMs, expiresAt: start + lifetimeMs },
    lastAccessedAt: start + Math.min(accessedAfterMs, lifetimeMs),
  }));

describe('expiryOf', () => {
  it('is idle from the millisecond of the idle limit on, and not one earlier [row 13]', () => {
    fc.assert(
      fc.property(timed, ({ session, lastAccessedAt }) => {
        const limit = lastAccessedAt + session.idleTimeoutMs;
        fc.pre(limit + 1 < session.expiresAt);
        expect([-1, 0, 1].map((ms) => expiryOf(session, lastAccessedAt, limit + ms))).toEqual(['none', 'idle', 'idle']);
      }),
    );
  });

  it('is absolute from the millisecond of the absolute limit on, however often it was accessed [row 14]', () => {
    fc.assert(
      fc.property(timed, ({ session }) => {
        const { expiresAt } = session;
        for (const lastAccessedAt of [expiresAt - 1, expiresAt, expiresAt + DAY]) {
          expect(expiryOf(session, lastAccessedAt, expiresAt)).toBe('absolute');
          expect(expiryOf(session, lastAccessedAt, expiresAt + 1)).toBe('absolute');
        }
        expect(expiryOf(session, expiresAt - 1, expiresAt - 1)).toBe('none');
      }),
    );
  });

  it('tells the absolute limit first where both have passed', () => {
    fc.assert(
      fc.property(timed, ({ session, lastAccessedAt }) => {
        const both = Math.max(session.expiresAt, lastAccessedAt + session.idleTimeoutMs);
        expect(expiryOf(session, lastAccessedAt, both)).toBe('absolute');
      }),
    );
  });

  it('never comes back to life as time goes on', () => {
    fc.assert(
      fc.property(timed, durations, durations, ({ session, lastAccessedAt }, first, later) => {
        fc.pre(expiryOf(session, lastAccessedAt, start + first) !== 'none');
        expect(expiryOf(session, lastAccessedAt, start + first + later)).not.toBe('none');
      }),
    );
  });

  it('is never brought forward by a later access [row 16]', () => {
    fc.assert(
      fc.property(timed, durations, durations, ({ session, lastAccessedAt }, later, now) => {
        fc.pre(expiryOf(session, lastAccessedAt, start + now) === 'none');
        expect(expiryOf(session, lastAccessedAt + later, start + now)).toBe('none');
      }),
    );
  });
});

describe('dueAt', () => {
  it('is the first millisecond at which the session is expired', () => {
    fc.assert(
      fc.property(timed, ({ session, lastAccessedAt }) => {
        const due = dueAt(session, lastAccessedAt);
        expect(expiryOf(session, lastAccessedAt, due)).not.toBe('none');
        expect(expiryOf(session, lastAccessedAt, due - 1)).toBe('none');
      }),
    );
  });

  it('moves on with an access, but never past the absolute limit [row 14]', () => {
    fc.assert(
      fc.property(timed, durations, ({ session, lastAccessedAt }, later) => {
        const moved = dueAt(session, lastAccessedAt + later);
        expect(moved).toBeGreaterThanOrEqual(dueAt(session, lastAccessedAt));
        expect(moved).toBeLessThanOrEqual(session.expiresAt);
      }),
    );
  });
});

describe('lifetimesFor', () => {
  const lifetimes: fc.Arbitrary<Lifetimes> = fc.record({ idleTimeoutMs: durations, absoluteLifetimeMs: durations });
  const some = fc.record({ idleTimeoutMs: durations, absoluteLifetimeMs: durations }, { requiredKeys: [] });
  const rules: fc.Arbitrary<LifetimeRules> = fc
    .record({ base: lifetimes, rememberMe: lifetimes, shop: some, kiosk: some })
    .map(({ base, rememberMe, shop, kiosk }) => ({ ...base, rememberMe, clients: { shop, kiosk } }));
  const clients = fc.constantFrom(null, 'shop', 'kiosk', 'unlisted', '', '__proto__', 'constructor', 'toString');

  const capped = ({ idleTimeoutMs, absoluteLifetimeMs }: Lifetimes): Lifetimes => ({
    idleTimeoutMs: Math.min(idleTimeoutMs, absoluteLifetimeMs),
    absoluteLifetimeMs,
  });

  it('takes the values of the client before those of "remember me", and these before the default', () => {
    fc.assert(
      fc.property(rules, clients, fc.boolean(), (all, client, rememberMe) => {
        const own = client === 'shop' || client === 'kiosk' ? all.clients[client] : {};
        const { idleTimeoutMs, absoluteLifetimeMs } = rememberMe ? all.rememberMe : all;
        expect(lifetimesFor(all, client, rememberMe)).toEqual(capped({ idleTimeoutMs, absoluteLifetimeMs, ...own }));
      }),
    );
  });

  it('never lets the idle timeout outlast the absolute lifetime', () => {
    fc.assert(
      fc.property(rules, clients, fc.boolean(), (all, client, rememberMe) => {
        const { idleTimeoutMs, absoluteLifetimeMs } = lifetimesFor(all, client, rememberMe);
        expect(idleTimeoutMs).toBeLessThanOrEqual(absoluteLifetimeMs);
        expect(idleTimeoutMs).toBeGreaterThan(0);
      }),
    );
  });
});
