import type { SessionRecord } from '../../core/session.js';
import type { Rotation } from '../../store/session-store.js';
import { randomDigest } from '../session-builder.js';
import { type ContractPart, everywhere, hex, note } from './store-trial.js';

const KEPT = { previous: { hasSuccessor: true } } as const;
const KEPT_WITHOUT_SUCCESSOR = { previous: { hasSuccessor: false } } as const;

/** What a rotation leaves of the token that it replaces. */
export const rotationContract: ContractPart = (trial, { describe, it, expect }) => {
  const rotate = async (session: SessionRecord, overrides: Partial<Rotation> = {}): Promise<SessionRecord> => {
    const { id, tokenGeneration: fromGeneration } = session;
    const rotation = { id, fromGeneration, tokenDigest: randomDigest(), reauthenticated: false, ...overrides };
    const rotated = await trial.store.rotate(rotation, note);
    if (rotated === undefined) throw new Error('The rotation was refused.');
    return rotated;
  };

  describe('the token before a rotation', () => {
    it('is known of no session that has just begun; each has a salt of its own', async () => {
      const [session, other] = [await trial.signIn(), await trial.signIn()];
      expect({ ...session }).toMatchObject({ previous: null, rotatedAt: null });
      expect(Buffer.from(session.rotationSalt, 'base64url').length).toBe(16);
      expect(session.rotationSalt).not.toBe(other.rotationSalt);
    });

    it('is kept where it shall be, with the salt that its successor derives from [row 8]', async () => {
      const session = await trial.signIn({ assurance: 'aal2' });
      const before = Math.floor(await trial.store.now());
      const rotated = await rotate(session, KEPT);
      const { authenticatedAt } = session;
      expect({ ...rotated.previous }).toMatchObject({ assurance: 'aal2', authenticatedAt, hasSuccessor: true });
      expect(hex(rotated.previous?.digest ?? new Uint8Array())).toBe(hex(session.tokenDigest));
      expect(rotated.rotationSalt).toBe(session.rotationSalt);
      expect(rotated.rotatedAt ?? 0).toBeGreaterThanOrEqual(before);
      expect(await trial.read(session.id)).toEqual(rotated);
    });

    it('keeps the level and the time of authentication that it had, and gets no successor, after a step-up [row 7]', async () => {
      const session = await trial.signIn({ assurance: 'aal1' });
      await trial.pass(5);
      const raised = await rotate(session, { ...KEPT_WITHOUT_SUCCESSOR, reauthenticated: true, assurance: 'aal2' });
      expect(raised.assurance).toBe('aal2');
      expect(raised.authenticatedAt).toBeGreaterThan(session.authenticatedAt);
      const { authenticatedAt } = session;
      expect({ ...raised.previous }).toMatchObject({ assurance: 'aal1', authenticatedAt, hasSuccessor: false });
      expect(raised.rotationSalt).not.toBe(session.rotationSalt);
      expect(await trial.read(session.id)).toEqual(raised);
    });

    it('gives way to the one after it', async () => {
      const session = await trial.signIn();
      const first = await rotate(session, KEPT);
      const second = await rotate(first, KEPT);
      expect(hex(second.previous?.digest ?? new Uint8Array())).toBe(hex(first.tokenDigest));
    });

    it('is dead at once where the rotation does not keep it, with the one before it [row 7]', async () => {
      const session = await rotate(await trial.signIn(), KEPT);
      const rotated = await rotate(session);
      expect(rotated.previous).toBe(null);
      expect(rotated.rotationSalt).not.toBe(session.rotationSalt);
      expect(await trial.read(session.id)).toEqual(rotated);
    });

    it('is kept by one of many rotations at once, and by none of a session that has ended [rows 8, 23]', async () => {
      const session = await trial.signIn();
      const rotation = { id: session.id, fromGeneration: 0, tokenDigest: randomDigest(), reauthenticated: false };
      const attempts = Array.from({ length: 8 }, () => trial.store.rotate({ ...rotation, ...KEPT }, note));
      const done = (await Promise.all(attempts)).filter((rotated) => rotated !== undefined);
      expect(done.length).toBe(1);
      expect(await trial.read(session.id)).toEqual(done[0]);
      await trial.store.end(everywhere, session.id, 'revoked', note);
      expect(await trial.store.rotate({ ...rotation, fromGeneration: 1, ...KEPT }, note)).toBe(undefined);
    });
  });
};
