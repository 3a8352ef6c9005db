import { MOST_DRIFTS, recordsDrift } from '../../store/drift-log.js';
import { type ContractPart, everywhere, note, type StoreTrial } from './store-trial.js';

/** Drift, for stores that record it. */
export const driftContract: ContractPart = (trial, { describe, it, expect }) => {
  describe('a drift', () => {
    it('is recorded once for each session and place, and changes nothing about the session', async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const [session, other] = [await trial.signIn(), await trial.signIn()];
      const drift = { kind: 'user_agent', to: 'curl/8 "\u00e9" \\' } as const;
      expect(await store.recordDrift(session.id, drift)).toBe(true);
      expect(await store.recordDrift(session.id, drift)).toBe(false);
      expect(await store.recordDrift(other.id, drift)).toBe(true);
      expect(await store.recordDrift(session.id, { kind: 'address', to: drift.to })).toBe(true);
      expect(await trial.read(session.id)).toEqual(session);
    });

    it('is not recorded of a session that has ended, or of none', async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const session = await trial.signIn();
      await trial.store.end(everywhere, session.id, 'revoked', note);
      const drift = { kind: 'address', to: '192.0.2.0/24' } as const;
      expect(await store.recordDrift(session.id, drift)).toBe(false);
      expect(await store.recordDrift('01890000-0000-7000-8000-000000000000', drift)).toBe(false);
    });

    it(`is recorded of one session ${MOST_DRIFTS} times at most`, async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const session = await trial.signIn();
      let recorded = 0;
      for (let n = 0; n < MOST_DRIFTS + 5; n += 1) {
        if (await store.recordDrift(session.id, { kind: 'address', to: `network ${n}` })) recorded += 1;
      }
      expect(recorded).toBe(MOST_DRIFTS);
    });
  });

  it('a re-authentication takes the user agent that it came with, and any other rotation leaves it', async () => {
    const session = await trial.signIn({ userAgent: 'before' });
    const rotation = { id: session.id, tokenDigest: new Uint8Array(32).fill(7) };
    const plain = { ...rotation, fromGeneration: session.tokenGeneration, reauthenticated: true };
    expect((await trial.store.rotate(plain, note))?.userAgent).toBe('before');
    const moved = { ...plain, fromGeneration: session.tokenGeneration + 1, from: { userAgent: 'after' } };
    expect((await trial.store.rotate(moved, note))?.userAgent).toBe('after');
    const unknown = { ...plain, fromGeneration: session.tokenGeneration + 2, from: { userAgent: null } };
    expect((await trial.store.rotate(unknown, note))?.userAgent).toBe(null);
    expect((await trial.read(session.id)).userAgent).toBe(null);
  });
};

function storeOf({ store }: StoreTrial) {
  return recordsDrift(store) ? store : undefined;
}
