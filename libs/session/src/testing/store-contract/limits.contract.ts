import type { Constraint } from '../../core/policy.js';
import { admissionOf } from '../session-builder.js';
import { atMost, type ContractPart, everywhere, idsOf, note, someone, sortedIdsOf } from './store-trial.js';

/** What each way of dealing with a full scope does, and what counts. */
export const limitsContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('a full scope', () => {
    it('ends the oldest, tells whom, and leaves the others alone [row 36]', async () => {
      const facts = someone();
      const [first, second, third] = await trial.signInTimes(3, { facts });
      const { session, evicted, ended } = await trial.admit({ facts, policy: atMost(2, 'evict-oldest') });
      expect(idsOf(evicted)).toEqual([first?.id, second?.id]);
      expect(ended).toEqual([]);
      for (const gone of evicted) {
        expect(gone).toMatchObject({
          status: 'evicted',
          version: 2,
          endReason: 'limit_reached',
          endedBy: facts.userId,
        });
        expect(gone.endedAt).toBeGreaterThanOrEqual(gone.createdAt);
        expect(await trial.read(gone.id)).toMatchObject({ status: 'evicted', version: 2, endedAt: gone.endedAt });
      }
      for (const id of [third?.id ?? '', session.id]) {
        expect(await trial.read(id)).toMatchObject({ status: 'active', version: 1 });
      }
    });

    it('ends whom nobody has used for longest, whoever came first', async () => {
      const facts = someone();
      const [first, second, third] = idsOf(await trial.signInTimes(3, { facts }));
      for (const id of [third, first]) {
        await trial.pass(3);
        await trial.store.touchMany([{ id: id ?? '', at: Math.floor(await trial.store.now()), ip: null }]);
      }
      const { evicted } = await trial.admit({ facts, policy: atMost(2, 'evict-least-recently-used') });
      expect(idsOf(evicted)).toEqual([second, third]);
    });

    it('ends everyone in it, oldest first, but nobody before it is full', async () => {
      const facts = someone();
      const policy = atMost(3, 'evict-all');
      const three = await trial.signInTimes(3, { facts, policy });
      expect(await trial.liveOf(facts)).toBe(3);
      const { evicted } = await trial.admit({ facts, policy });
      expect(idsOf(evicted)).toEqual(idsOf(three));
      expect(await trial.liveOf(facts)).toBe(1);
    });

    it('turns the newcomer away, tells who is there and ends nobody', async () => {
      const facts = someone();
      const policy = atMost(2, 'reject');
      const two = await trial.signInTimes(2, { facts, policy });
      const admission = admissionOf({ facts, policy });
      const outcome = await trial.store.admit(admission);
      expect(outcome).toMatchObject({ kind: 'rejected', ended: [] });
      expect(outcome.kind === 'rejected' && idsOf(outcome.full)).toEqual(idsOf(two));
      expect(await trial.statusOf(...two)).toEqual(['active', 'active']);
      expect((await trial.store.findMany([admission.id])).records).toEqual([]);
    });

    it('has room again once somebody has gone [row 37]', async () => {
      const facts = someone();
      const policy = atMost(1, 'reject');
      for (const status of ['signed_out', 'revoked', 'expired', 'evicted'] as const) {
        const session = await trial.signIn({ facts, policy });
        await trial.store.end(everywhere, session.id, status, note);
      }
      expect(await trial.liveOf(facts)).toBe(0);
    });

    it('keeps the slot of a session that is suspended', async () => {
      const facts = someone();
      const policy = atMost(1, 'reject');
      const { id } = await trial.signIn({ facts, policy });
      await trial.store.changeStatus(everywhere, id, 'suspended', note);
      expect((await trial.store.admit(admissionOf({ facts, policy }))).kind).toBe('rejected');
    });

    it('counts by device type, by client and by function apart', async () => {
      const facts = someone();
      const constraint = (scope: Constraint['scope']): Constraint => ({ scope, limit: 1, whenFull: 'reject' });
      const policy = [constraint('deviceType'), constraint('client'), constraint(({ deviceId }) => deviceId ?? '')];
      const attempt = async (deviceType: 'web' | 'mobile', clientId: string, deviceId: string): Promise<string> =>
        (await trial.store.admit(admissionOf({ facts: { ...facts, deviceType, clientId, deviceId }, policy }))).kind;
      expect(await attempt('web', 'a', '1')).toBe('admitted');
      expect(await attempt('web', 'b', '2')).toBe('rejected');
      expect(await attempt('mobile', 'a', '2')).toBe('rejected');
      expect(await attempt('mobile', 'b', '1')).toBe('rejected');
      expect(await attempt('mobile', 'b', '2')).toBe('admitted');
    });

    it('has one limit for each device type that is listed and one for all others', async () => {
      const facts = someone();
      const policy: Constraint[] = [{ scope: 'subject', limit: { web: 1, other: 2 }, whenFull: 'evict-oldest' }];
      const on = (deviceType: 'web' | 'mobile' | 'desktop') => trial.admit({ facts: { ...facts, deviceType }, policy });
      const [web, mobile] = [await on('web'), await on('mobile'), await on('desktop')];
      expect(idsOf((await on('desktop')).evicted)).toEqual([mobile.session.id]);
      expect(idsOf((await on('web')).evicted)).toEqual([web.session.id]);
    });

    it('neither counts nor ends who is exempt', async () => {
      const facts = someone();
      const exempt: Constraint['exempt'] = ({ clientId }) => clientId === 'kiosk';
      const policy = atMost(1, 'evict-all').map((constraint) => ({ ...constraint, exempt }));
      const kiosks = await trial.signInTimes(2, { facts: { ...facts, clientId: 'kiosk' }, policy });
      await trial.signInTimes(2, { facts, policy });
      expect(await trial.statusOf(...kiosks)).toEqual(['active', 'active']);
      expect(await trial.liveOf(facts)).toBe(3);
    });

    it('does not count who has run out, and ends them with the limit that they passed', async () => {
      for (const [limit, endReason] of [
        ['idle', 'idle_timeout'],
        ['absolute', 'absolute_lifetime'],
      ] as const) {
        const facts = someone();
        const policy = atMost(1, 'reject');
        const old = await trial.signInAndRunOut(limit, { facts, policy });
        const { ended, evicted } = await trial.admit({ facts, policy });
        expect(evicted).toEqual([]);
        expect(idsOf(ended)).toEqual([old.id]);
        expect(ended[0]).toMatchObject({ status: 'expired', endReason, endedBy: null, version: 2 });
        expect(await trial.read(old.id)).toMatchObject({ status: 'expired', endReason, version: 2 });
      }
    });

    it('ends who has run out also where the newcomer is turned away, and nobody of another user', async () => {
      const facts = someone();
      const stranger = await trial.signInAndRunOut('idle', { facts: { ...facts, userId: 'another' } });
      const holder = await trial.signIn({ facts });
      const old = await trial.signInAndRunOut('idle', { facts });
      const outcome = await trial.store.admit(admissionOf({ facts, policy: atMost(1, 'reject') }));
      expect(outcome.kind).toBe('rejected');
      expect(idsOf(outcome.ended)).toEqual([old.id]);
      expect(outcome.kind === 'rejected' && idsOf(outcome.full)).toEqual([holder.id]);
      expect(await trial.statusOf(old, holder, stranger)).toEqual(['expired', 'active', 'active']);
    });

    it('converges to a lower limit with the next sign-in [row 41]', async () => {
      const facts = someone();
      const five = await trial.signInTimes(5, { facts, policy: atMost(5, 'evict-oldest') });
      const { evicted } = await trial.admit({ facts, policy: atMost(2, 'evict-oldest') });
      expect(idsOf(evicted)).toEqual(idsOf(five.slice(0, 4)));
      expect(await trial.liveOf(facts)).toBe(2);
    });
  });

  describe('subjects', () => {
    const differing: readonly [string, string | null, string, string | null, string][] = [
      ['are apart by tenant [row 40]', 'A', 'user', 'B', 'user'],
      ['are apart with and without a tenant [row 40]', null, 'user', 'A', 'user'],
      ['are not joined by concatenation', 'A', 'B:1', 'A:B', '1'],
      ['are apart though one tenant is the prefix of another', 'A', 'Buser', 'AB', 'user'],
      ['are not normalised', 'A', 'jos\u00e9', 'A', 'jose\u0301'],
      ['are not trimmed', 'A', 'user', 'A', 'user '],
      ['are not folded to one case', 'A', 'user', 'A', 'USER'],
      ['are text, not patterns', 'A', 'user', 'A', 'us_r'],
      ['may be anything', 'A', '*', 'A', "'; DROP TABLE identity_session; --"],
      ['may be names of properties', 'A', '__proto__', 'A', 'constructor'],
    ];
    for (const [behaviour, tenantId, userId, otherTenantId, otherUserId] of differing) {
      it(behaviour, async () => {
        const unique = someone().tenantId;
        const tenant = (id: string | null): string | null => (id === null ? null : `${unique}${id}`);
        const one = { tenantId: tenant(tenantId), userId: `${userId}${tenantId === null ? unique : ''}` };
        const other = { tenantId: tenant(otherTenantId), userId: `${otherUserId}${tenantId === null ? unique : ''}` };
        const policy = atMost(1, 'evict-all');
        const sessions = [await trial.signIn({ facts: one, policy }), await trial.signIn({ facts: other, policy })];
        expect(await trial.statusOf(...sessions)).toEqual(['active', 'active']);
        expect([await trial.liveOf(one), await trial.liveOf(other)]).toEqual([1, 1]);
        expect(sessions.map((session) => [session.tenantId, session.userId])).toEqual(
          [one, other].map((facts) => [facts.tenantId, facts.userId]),
        );
      });
    }
  });

  describe('sign-ins at the same time', () => {
    for (const whenFull of ['evict-oldest', 'evict-least-recently-used', 'evict-all', 'reject', 'ask'] as const) {
      it(`never exceed the limit, nor end at none (${whenFull}) [row 34]`, async () => {
        const facts = someone();
        const policy = atMost(3, whenFull);
        let mostSeen = 0;
        let done = false;
        const watch = async (): Promise<void> => {
          while (!done) {
            mostSeen = Math.max(mostSeen, await trial.liveOf(facts));
            await new Promise((resolve) => setTimeout(resolve, 0));
          }
        };
        const watching = watch();
        const outcomes = await Promise.all(
          Array.from({ length: 30 }, () => trial.store.admit(admissionOf({ facts, policy }))),
        ).finally(() => (done = true));
        await watching;

        const live = await trial.store.list(
          { scope: { kind: 'user', ...facts }, status: 'live' },
          { limit: 100, descending: false, after: null },
        );
        const admitted = outcomes.flatMap((outcome) => (outcome.kind === 'admitted' ? outcome : []));
        const evicted = admitted.flatMap((outcome) => idsOf(outcome.evicted));
        const left = idsOf(admitted.map(({ session }) => session)).filter((id) => !evicted.includes(id));
        expect(Math.max(mostSeen, live.length)).toBeLessThanOrEqual(3);
        expect(live.length).toBeGreaterThanOrEqual(1);
        expect(sortedIdsOf(live)).toEqual(left.sort());
        expect(new Set(evicted).size).toBe(evicted.length);
        expect(admitted.length).toBe(whenFull.startsWith('evict') ? 30 : 3);
      });
    }
  });
};
