import { admissionOf } from '../session-builder.js';
import { type ContractPart, everywhere, note, someone } from './store-trial.js';

/** Stores round times to a millisecond of their own. */
const ROUNDING_MS = 1;

/** Buffered accesses: they move one time forward and do nothing else. */
export const touchingContract: ContractPart = (trial, { describe, it, expect }) => {
  const moment = async (): Promise<number> => Math.floor(await trial.store.now());
  const touch = async (id: string, at: number, ip: string | null = null): Promise<void> => {
    expect(await trial.store.touchMany([{ id, at, ip }])).toEqual({ skipped: [] });
  };

  describe('a touch', () => {
    it('moves the last access and the address, and nothing else: no version is raised', async () => {
      const session = await trial.signIn({ ip: '192.0.2.1' });
      await trial.pass(5);
      const at = await moment();
      await touch(session.id, at, '2001:db8::1');
      expect(at).toBeGreaterThan(session.lastAccessedAt);
      expect(await trial.read(session.id)).toEqual({ ...session, lastAccessedAt: at, lastIp: '2001:db8::1' });
    });

    it('keeps the address where it brings none', async () => {
      const { id } = await trial.signIn({ ip: '192.0.2.1' });
      await touch(id, await moment());
      expect((await trial.read(id)).lastIp).toBe('192.0.2.1');
    });

    it('never moves back, in whatever order touches arrive [row 21]', async () => {
      const { id, createdAt } = await trial.signIn();
      await trial.pass(5);
      const at = await moment();
      for (const late of [at, at - 1, createdAt - 60_000, 0]) await touch(id, late);
      expect((await trial.read(id)).lastAccessedAt).toBe(at);
    });

    it('keeps the newer address where an older touch arrives late [row 21]', async () => {
      const { id } = await trial.signIn();
      await trial.pass(5);
      const at = await moment();
      await trial.store.touchMany([{ id, at, ip: '192.0.2.2' }]);
      await trial.store.touchMany([{ id, at: at - 3, ip: '192.0.2.1' }]);
      expect((await trial.read(id)).lastIp).toBe('192.0.2.2');
    });

    it('never moves ahead of the clock of the store', async () => {
      const { id, createdAt } = await trial.signIn();
      for (const ahead of [60_000, 3_600_000 * 24 * 365]) {
        await touch(id, (await moment()) + ahead);
        const { lastAccessedAt } = await trial.read(id);
        expect(lastAccessedAt).toBeGreaterThanOrEqual(createdAt);
        expect(lastAccessedAt).toBeLessThanOrEqual((await trial.store.now()) + ROUNDING_MS);
      }
    });

    it('leaves an ended session as it is, however it ended [row 19] [row 23]', async () => {
      for (const status of ['signed_out', 'expired', 'evicted', 'revoked'] as const) {
        const { id } = await trial.signIn();
        const ended = await trial.store.end(everywhere, id, status, note);
        await trial.pass(2);
        await touch(id, await moment(), '198.51.100.1');
        expect(await trial.read(id)).toEqual(ended);
      }
    });

    it('creates nothing where there is no session [row 19]', async () => {
      const { id } = admissionOf();
      await touch(id, await moment());
      expect(await trial.store.exists(id)).toBe(false);
      expect((await trial.store.findMany([id])).records).toEqual([]);
    });

    it('moves the idle limit and never the absolute one [row 14] [row 16]', async () => {
      const facts = someone();
      const session = await trial.signInAndRunOut('idle', { facts });
      expect(await trial.liveOf(facts)).toBe(0);
      await touch(session.id, await moment());
      expect(await trial.liveOf(facts)).toBe(1);

      const over = await trial.signInAndRunOut('absolute', { facts: { ...facts, userId: 'another' } });
      await touch(over.id, await moment());
      expect(await trial.liveOf({ ...facts, userId: 'another' })).toBe(0);
    });
  });

  describe('touches', () => {
    it('come in batches: each finds its own session, the others stay as they are', async () => {
      const sessions = await trial.signInTimes(4, { ip: '192.0.2.1' });
      const [one, two, three, ended] = sessions.map(({ id }) => id) as [string, string, string, string];
      await trial.store.end(everywhere, ended, 'revoked', note);
      await trial.pass(5);
      const at = await moment();
      const batch = [
        { id: ended, at, ip: '192.0.2.9' },
        { id: two, at: at - 1, ip: '192.0.2.2' },
        { id: admissionOf().id, at, ip: null },
        { id: one, at, ip: null },
      ];
      expect(await trial.store.touchMany(batch)).toEqual({ skipped: [] });
      expect(await trial.read(one)).toMatchObject({ lastAccessedAt: at, lastIp: '192.0.2.1' });
      expect(await trial.read(two)).toMatchObject({ lastAccessedAt: at - 1, lastIp: '192.0.2.2' });
      expect(await trial.read(three)).toEqual(sessions[2]);
      expect(await trial.read(ended)).toMatchObject({ status: 'revoked', lastIp: '192.0.2.1' });
    });

    it('may be none', async () => {
      expect(await trial.store.touchMany([])).toEqual({ skipped: [] });
    });

    it('and an end at the same time leave the session ended [row 23]', async () => {
      const sessions = await trial.signInTimes(5);
      const at = await moment();
      await Promise.all(
        sessions.flatMap(({ id }) => [
          trial.store.touchMany([{ id, at, ip: null }]),
          trial.store.end(everywhere, id, 'revoked', note),
          trial.store.touchMany([{ id, at, ip: null }]),
        ]),
      );
      expect(new Set(await trial.statusOf(...sessions))).toEqual(new Set(['revoked']));
    });
  });
};
