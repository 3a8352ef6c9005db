import type { SessionData } from '../../core/session.js';
import { admissionOf } from '../session-builder.js';
import { atMost, type ContractPart, everywhere, hex, idsOf, note, someone } from './store-trial.js';

/** What an admission stores, and that trying again is safe. */
export const admissionContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('an admission', () => {
    it('makes an active session out of everything it was given', async () => {
      const admission = admissionOf({
        facts: { ...someone(), clientId: 'shop', deviceType: 'mobile', deviceId: 'device-1' },
        deviceName: 'Phone',
        userAgent: 'Agent/1.0',
        ip: '192.0.2.1',
        location: 'Zürich 🏔',
        rememberMe: true,
        assurance: 'aal2',
        idleTimeoutMs: 60_000,
        absoluteLifetimeMs: 600_000,
        data: { theme: 'dark' },
      });
      const before = Math.floor(await trial.store.now());
      const outcome = await trial.store.admit(admission);
      if (outcome.kind !== 'admitted') throw new Error(outcome.kind);
      const { session } = outcome;

      expect(outcome).toMatchObject({ evicted: [], ended: [] });
      const { id, facts, deviceName, userAgent, ip, location, rememberMe, assurance, idleTimeoutMs, data } = admission;
      const given = { id, ...facts, deviceName, userAgent, location, rememberMe, assurance, idleTimeoutMs, data };
      expect(session).toMatchObject({ ...given, initialIp: ip, lastIp: ip });
      expect(session).toMatchObject({ status: 'active', version: 1, tokenGeneration: 0 });
      expect(session).toMatchObject({ endedAt: null, endReason: null, endedBy: null });
      expect(hex(session.tokenDigest)).toBe(hex(admission.tokenDigest));

      expect(session.createdAt).toBeGreaterThanOrEqual(before);
      expect(session.createdAt).toBeLessThanOrEqual(await trial.store.now());
      const { createdAt } = session;
      expect(session).toMatchObject({ authenticatedAt: createdAt, lastAccessedAt: createdAt });
      expect(session.expiresAt).toBe(createdAt + 600_000);
    });

    it('gives the session as it is found afterwards', async () => {
      const session = await trial.signIn({ data: { a: [1, 'b', null, { c: false }] }, facts: { clientId: 'shop' } });
      const { tokenDigest, ...found } = await trial.read(session.id);
      const { tokenDigest: given, ...admitted } = session;
      expect(found).toEqual(admitted);
      expect(hex(tokenDigest)).toBe(hex(given));
    });

    it('stores the keys of every scope that the policy counts by', async () => {
      const { scopeKeys } = await trial.signIn({
        facts: { clientId: 'shop', deviceType: 'desktop', deviceId: 'd' },
        policy: [{ name: 'device', scope: ({ deviceId }) => deviceId ?? '', limit: 1, whenFull: 'reject' }],
      });
      expect([...scopeKeys].sort()).toEqual(['client:shop', 'device:d', 'deviceType:desktop', 'subject']);
    });

    it('numbers sessions in the order in which they came', async () => {
      const sessions = await trial.signInTimes(5, { facts: someone() });
      const sequences = sessions.map(({ sequence }) => sequence);
      expect([...new Set(sequences)].sort((a, b) => a - b)).toEqual(sequences);
    });

    it('keeps data whose keys mean something to JavaScript, and lets them do nothing', async () => {
      const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":null,"":"empty","0":[]}';
      const session = await trial.signIn({ data: JSON.parse(text) as SessionData });
      for (const { data } of [session, await trial.read(session.id)]) {
        expect(Object.keys(data).sort()).toEqual(['', '0', '__proto__', 'constructor', 'toString']);
        expect(Object.getOwnPropertyDescriptor(data, '__proto__')?.value).toEqual({ polluted: true });
        expect(Object.getPrototypeOf(data) === Object.getPrototypeOf(JSON.parse('{}'))).toBe(true);
        expect('polluted' in data).toBe(false);
      }
    });

    it('shares nothing with its caller that either could change', async () => {
      const admission = admissionOf({ data: { list: [1] } });
      const expected = hex(admission.tokenDigest);
      const outcome = await trial.store.admit(admission);
      (admission.data.list as number[]).push(2);
      admission.tokenDigest.fill(0);
      if (outcome.kind === 'admitted') outcome.session.tokenDigest.fill(1);

      const session = await trial.read(admission.id);
      expect(session.data).toEqual({ list: [1] });
      expect(hex(session.tokenDigest)).toBe(expected);
    });

    it('changes nothing when a function of the policy throws', async () => {
      const facts = someone();
      const old = await trial.signIn({ facts });
      const admission = admissionOf({
        facts,
        replaces: old.id,
        policy: [
          ...atMost(1, 'evict-all'),
          {
            limit: 1,
            whenFull: 'reject',
            scope: () => {
              throw new Error('thrown by the scope');
            },
          },
        ],
      });
      const failed = await trial.store.admit(admission).then(
        () => false,
        () => true,
      );
      expect(failed).toBe(true);
      expect(await trial.read(old.id)).toMatchObject({ status: 'active', version: 1 });
      expect(await trial.liveOf(facts)).toBe(1);
    });

    it('lets what waits for its commit run', async () => {
      await trial.signIn();
      const applied = new Promise<void>((resolve) => {
        trial.store.onCommitted(resolve);
      });
      await applied;
    });
  });

  describe('an admission that is tried again', () => {
    it('finds its own session, as often as it is tried', async () => {
      const admission = admissionOf({ facts: someone() });
      for (let attempt = 0; attempt < 3; attempt++) {
        expect(await trial.store.admit(admission)).toMatchObject({
          kind: 'admitted',
          session: { id: admission.id, version: 1 },
        });
      }
      expect(await trial.liveOf(admission.facts)).toBe(1);
    });

    for (const whenFull of ['evict-oldest', 'evict-least-recently-used', 'evict-all', 'reject', 'ask'] as const) {
      it(`neither counts nor ends itself where the limit says ${whenFull}`, async () => {
        const admission = admissionOf({ facts: someone(), policy: atMost(1, whenFull) });
        await trial.store.admit(admission);
        expect(await trial.store.admit(admission)).toMatchObject({ kind: 'admitted', session: { id: admission.id } });
        expect(await trial.read(admission.id)).toMatchObject({ status: 'active', version: 1 });
      });
    }

    it('ends nobody a second time', async () => {
      const facts = someone();
      await trial.signIn({ facts });
      const admission = admissionOf({ facts, policy: atMost(1, 'evict-oldest') });
      await trial.store.admit(admission);
      const later = await trial.signIn({ facts });
      await trial.store.admit(admission);
      expect(await trial.statusOf(later)).toEqual(['active']);
    });

    it('does not bring a session back that has ended meanwhile [row 23]', async () => {
      const admission = admissionOf();
      await trial.store.admit(admission);
      await trial.store.end(everywhere, admission.id, 'revoked', note);
      expect(await trial.store.admit(admission)).toMatchObject({
        session: { id: admission.id, status: 'revoked', version: 2 },
      });
    });

    it('makes one session where two attempts come at the same time', async () => {
      const admission = admissionOf({ facts: someone(), policy: atMost(1, 'evict-all') });
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => trial.store.admit(admission)));
      const sessions = outcomes.map((outcome) =>
        outcome.kind === 'admitted' ? outcome.session : { id: outcome.kind },
      );
      expect([...new Set(idsOf(sessions))]).toEqual([admission.id]);
      expect(await trial.read(admission.id)).toMatchObject({ status: 'active', version: 1 });
      expect(await trial.liveOf(admission.facts)).toBe(1);
    });
  });
};
