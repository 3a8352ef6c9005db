import { keepsAddresses, MOST_ADDRESSES, type SessionOrigins } from '../../store/session-addresses.js';
import type { SessionScope } from '../../store/session-store.js';
import { admissionOf } from '../session-builder.js';
import { type ContractPart, everywhere, note, someone, type StoreTrial } from './store-trial.js';

/** The addresses of a session over time, for stores that keep them. */
export const addressesContract: ContractPart = (trial, { describe, it, expect }) => {
  const moment = async (): Promise<number> => Math.floor(await trial.store.now());
  const touch = async (id: string, ip: string | null): Promise<number> => {
    await trial.pass(2);
    const at = await moment();
    await trial.store.touchMany([{ id, at, ip }]);
    return at;
  };
  const originsOf = (id: string, scope: SessionScope = everywhere): Promise<SessionOrigins | undefined> | undefined =>
    storeOf(trial)?.origins(scope, id);

  describe('the addresses of a session', () => {
    it('are the one that it began at, for as long as that is the only one', async () => {
      const session = await trial.signIn({ ip: '192.0.2.1' });
      const lastSeenAt = await touch(session.id, '192.0.2.1');
      const origins = originsOf(session.id);
      if (origins === undefined) return;
      expect((await origins)?.addresses).toEqual([{ ip: '192.0.2.1', firstSeenAt: session.createdAt, lastSeenAt }]);
    });

    it('are told the latest first, each once, with when it was first and last seen', async () => {
      const session = await trial.signIn({ ip: '192.0.2.1' });
      const leftAt = await touch(session.id, null);
      const firstSeenAt = await touch(session.id, '192.0.2.2');
      await touch(session.id, '192.0.2.3');
      const lastSeenAt = await touch(session.id, '192.0.2.2');
      const origins = originsOf(session.id);
      if (origins === undefined) return;
      const { addresses = [] } = (await origins) ?? {};
      expect(addresses.map(({ ip }) => ip)).toEqual(['192.0.2.2', '192.0.2.3', '192.0.2.1']);
      expect(addresses[0]).toEqual({ ip: '192.0.2.2', firstSeenAt, lastSeenAt });
      expect(addresses[2]).toEqual({ ip: '192.0.2.1', firstSeenAt: session.createdAt, lastSeenAt: leftAt });
    });

    it('are told of a touch that arrives late, too', async () => {
      const session = await trial.signIn({ ip: '192.0.2.1' });
      const late = await touch(session.id, null);
      await touch(session.id, '192.0.2.2');
      await trial.store.touchMany([{ id: session.id, at: late, ip: '192.0.2.3' }]);
      const origins = originsOf(session.id);
      if (origins === undefined) return;
      const { addresses = [] } = (await origins) ?? {};
      expect(addresses.find(({ ip }) => ip === '192.0.2.3')?.firstSeenAt).toBe(late);
      expect((await trial.read(session.id)).lastIp).toBe('192.0.2.2');
    });

    it('are bounded: the ones left longest ago go', async () => {
      const { id } = await trial.signIn({ ip: '192.0.2.0' });
      for (let n = 1; n <= MOST_ADDRESSES + 3; n += 1) await touch(id, `192.0.2.${n}`);
      const origins = originsOf(id);
      if (origins === undefined) return;
      const ips = (await origins)?.addresses.map(({ ip }) => ip) ?? [];
      expect(ips.length).toBe(MOST_ADDRESSES);
      expect(ips[0]).toBe(`192.0.2.${MOST_ADDRESSES + 3}`);
      expect(ips.at(-1)).toBe('192.0.2.4');
    });

    it('are none where nobody told any, and are begun by the first touch that does', async () => {
      const { id } = await trial.signIn();
      const before = originsOf(id);
      if (before === undefined) return;
      expect((await before)?.addresses).toEqual([]);
      const at = await touch(id, '192.0.2.1');
      expect((await originsOf(id))?.addresses).toEqual([{ ip: '192.0.2.1', firstSeenAt: at, lastSeenAt: at }]);
    });

    it('stay with an ended session, which gets no more', async () => {
      const { id } = await trial.signIn({ ip: '192.0.2.1' });
      await touch(id, '192.0.2.2');
      await trial.store.end(everywhere, id, 'revoked', note);
      await touch(id, '192.0.2.3');
      const origins = originsOf(id);
      if (origins === undefined) return;
      expect((await origins)?.addresses.map(({ ip }) => ip)).toEqual(['192.0.2.2', '192.0.2.1']);
    });

    it('are told within the scope alone [row 44]', async () => {
      const facts = someone();
      const { id } = await trial.signIn({ facts, ip: '192.0.2.1' });
      const inside = originsOf(id, { kind: 'tenant', tenantId: facts.tenantId });
      if (inside === undefined) return;
      expect((await inside)?.addresses.length).toBe(1);
      expect(await originsOf(id, { kind: 'tenant', tenantId: 'another' })).toBe(undefined);
      expect(await originsOf(id, { kind: 'user', ...facts, userId: 'another' })).toBe(undefined);
      expect(await originsOf(admissionOf().id)).toBe(undefined);
    });
  });
};

function storeOf(trial: StoreTrial) {
  const { store } = trial;
  return keepsAddresses(store) ? store : undefined;
}
