import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isLive, type EndedStatus } from '../../core/lifecycle.js';
import type { Constraint } from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import { FixedClock } from '../../testing/fixed-clock.js';
import { admissionOf } from '../../testing/session-builder.js';
import type { SessionScope } from '../session-store.js';
import { InMemorySessionStore } from './in-memory-session-store.js';

const USERS = ['alice', 'bob'];
const everywhere: SessionScope = { kind: 'all' };
const note = { reason: 'random_walk', by: null };
const nth = fc.nat({ max: 30 });

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('signIn' as const),
      userId: fc.constantFrom(...USERS),
      replaces: fc.option(nth),
      retries: fc.option(nth),
      answers: fc.option(nth),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('touch' as const), nth, aheadMs: fc.integer({ min: -50, max: 50 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 60 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('change' as const), nth, to: fc.constantFrom('active', 'suspended') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rotate' as const), nth, proven: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      nth,
      status: fc.constantFrom<EndedStatus>('signed_out', 'expired', 'revoked', 'rejected'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('endMany' as const), userId: fc.constantFrom(...USERS), limit: nth }),
  },
);

const policies = fc.record({
  scope: fc.constant('subject' as const),
  limit: fc.integer({ min: 1, max: 3 }),
  whenFull: fc.constantFrom<Constraint['whenFull']>(
    'evict-oldest',
    'evict-least-recently-used',
    'evict-all',
    'reject',
    'ask',
  ),
});

/** A store, what was asked of it so far, and every session that it ever had. */
class History {
  readonly clock = new FixedClock();
  readonly store = new InMemorySessionStore({ clock: this.clock });
  readonly admissions: ReturnType<typeof admissionOf>[] = [];

  constructor(private readonly constraint: Constraint) {}

  async take(next: typeof step extends fc.Arbitrary<infer Step> ? Step : never): Promise<void> {
    const { store, clock } = this;
    switch (next.do) {
      case 'signIn':
        return this.#signIn(next);
      case 'wait':
        clock.advance(next.ms);
        return;
      case 'touch':
        await store.touchMany([{ id: this.#id(next.nth), at: clock.now() + next.aheadMs, ip: null }]);
        return;
      case 'change':
        await store.changeStatus(everywhere, this.#id(next.nth), next.to, note);
        return;
      case 'rotate': {
        const rotation = { id: this.#id(next.nth), fromGeneration: 0, tokenDigest: new Uint8Array(32) };
        await store.rotate({ ...rotation, reauthenticated: next.proven }, note);
        return;
      }
      case 'end':
        await store.end(everywhere, this.#id(next.nth), next.status, note);
        return;
      case 'endMany':
        await store.endMany({ scope: everywhere, userId: next.userId }, 'revoked', note, next.limit);
        return;
    }
  }

  async sessions(): Promise<ReadonlyMap<string, SessionRecord>> {
    const { records } = await this.store.findMany(this.admissions.map(({ id }) => id));
    return new Map(records.map((record) => [record.id, record]));
  }

  #id(position: number): string {
    return this.admissions[position % Math.max(1, this.admissions.length)]?.id ?? 'none';
  }

  async #signIn(next: {
    readonly userId: string;
    readonly replaces: number | null;
    readonly retries: number | null;
    readonly answers: number | null;
  }): Promise<void> {
    const known = (position: number) => this.admissions[position % Math.max(1, this.admissions.length)];
    const asked = next.answers === null ? undefined : known(next.answers);
    const again = next.retries === null ? undefined : known(next.retries);
    const admission = admissionOf({
      ...(again === undefined ? {} : { id: again.id }),
      facts: { userId: again?.facts.userId ?? next.userId },
      policy: [this.constraint],
      idleTimeoutMs: 100,
      absoluteLifetimeMs: 300,
      replaces: next.replaces === null ? null : this.#id(next.replaces),
      answer: asked === undefined ? null : { ticketDigest: asked.question.ticketDigest, end: [asked.id] },
    });
    this.admissions.push(admission);
    await this.store.admit(admission);
  }
}

describe('any history of InMemorySessionStore', () => {
  const histories = fc.record({ constraint: policies, steps: fc.array(step, { maxLength: 40 }) });

  it('never has more live sessions of a user than the limit [row 34]', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ({ constraint, steps }) => {
        const history = new History(constraint);
        for (const next of steps) {
          await history.take(next);
          for (const userId of USERS) {
            const all = [...(await history.sessions()).values()].filter((session) => session.userId === userId);
            expect(all.filter(({ status }) => isLive(status)).length).toBeLessThanOrEqual(constraint.limit);
          }
        }
      }),
    );
  });

  it('raises the version with each change that is logged, ends a session once and then leaves it alone [row 23]', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ({ constraint, steps }) => {
        const history = new History(constraint);
        let before: ReadonlyMap<string, SessionRecord> = new Map();
        for (const next of steps) {
          await history.take(next);
          const after = await history.sessions();
          for (const [id, session] of before) {
            const now = after.get(id)!;
            if (!isLive(session.status)) expect(now).toEqual(session);
            expect(now.lastAccessedAt).toBeGreaterThanOrEqual(session.lastAccessedAt);
            expect(now.lastAccessedAt).toBeLessThanOrEqual(history.clock.now());
            expect(now.expiresAt - now.authenticatedAt).toBe(session.expiresAt - session.authenticatedAt);
            if (now.authenticatedAt === session.authenticatedAt) expect(now.expiresAt).toBe(session.expiresAt);
            const { lastAccessedAt: _now, ...others } = now;
            const { lastAccessedAt: _then, ...same } = session;
            if (now.version === session.version) expect(others).toEqual(same);
          }
          before = after;
        }
        const versions = new Map<string | null, number>();
        for (const { sessionId, version } of history.store.events()) {
          expect(version).toBe((versions.get(sessionId) ?? 0) + 1);
          versions.set(sessionId, version);
        }
        expect(versions).toEqual(new Map([...before].map(([id, { version }]) => [id, version])));
      }),
    );
  });
});
