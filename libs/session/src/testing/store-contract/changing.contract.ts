import type { Rotation } from '../../store/session-store.js';
import { admissionOf, randomDigest } from '../session-builder.js';
import { type ContractPart, everywhere, hex, note } from './store-trial.js';

/** Suspending, resuming, naming and rotating. */
export const changingContract: ContractPart = (trial, { describe, it, expect }) => {
  const ended = async (): Promise<string> => {
    const { id } = await trial.signIn();
    await trial.store.end(everywhere, id, 'revoked', note);
    return id;
  };

  describe('a change of status', () => {
    const become = (id: string, to: 'active' | 'suspended') => trial.store.changeStatus(everywhere, id, to, note);

    it('suspends and resumes, each a version of its own, and touches nothing else', async () => {
      const session = await trial.signIn();
      expect(await become(session.id, 'suspended')).toEqual({ ...session, status: 'suspended', version: 2 });
      expect(await trial.store.exists(session.id)).toBe(true);
      expect(await become(session.id, 'active')).toEqual({ ...session, version: 3 });
      expect(await trial.read(session.id)).toEqual({ ...session, version: 3 });
    });

    it('takes no step to the state that it is in', async () => {
      const { id } = await trial.signIn();
      expect(await become(id, 'active')).toBe(undefined);
      await become(id, 'suspended');
      expect(await become(id, 'suspended')).toBe(undefined);
      expect(await trial.read(id)).toMatchObject({ status: 'suspended', version: 2 });
    });

    it('brings nothing back that has run out, though nobody has ended it yet [row 23]', async () => {
      for (const limit of ['idle', 'absolute'] as const) {
        const { id } = await trial.signInAndRunOut(limit);
        await become(id, 'suspended');
        expect(await become(id, 'active')).toBe(undefined);
        expect(await trial.read(id)).toMatchObject({ status: 'suspended', version: 2 });
      }
    });

    it('brings nothing back that has ended [row 23]', async () => {
      const id = await ended();
      for (const to of ['active', 'suspended'] as const) expect(await become(id, to)).toBe(undefined);
      expect(await trial.read(id)).toMatchObject({ status: 'revoked', version: 2 });
      expect(await become(admissionOf().id, 'suspended')).toBe(undefined);
    });
  });

  describe('a name', () => {
    const rename = (id: string, name: string | null) => trial.store.rename(everywhere, id, name, note);

    it('is given and taken away, each a version of its own, and touches nothing else', async () => {
      const session = await trial.signIn();
      const name = "Zoë's <b>phone</b> 📱";
      expect(await rename(session.id, name)).toEqual({ ...session, deviceName: name, version: 2 });
      expect(await rename(session.id, null)).toEqual({ ...session, version: 3 });
      expect(await trial.read(session.id)).toEqual({ ...session, version: 3 });
    });

    it('is given also to one that has run out unnoticed, and to none that has ended', async () => {
      const runOut = await trial.signInAndRunOut('idle');
      expect((await rename(runOut.id, 'old'))?.deviceName).toBe('old');
      const id = await ended();
      expect(await rename(id, 'too late')).toBe(undefined);
      expect(await trial.read(id)).toMatchObject({ deviceName: null, version: 2 });
      expect(await rename(admissionOf().id, 'nobody')).toBe(undefined);
    });
  });

  describe('a rotation', () => {
    const rotate = (id: string, overrides: Partial<Rotation> = {}) =>
      trial.store.rotate(
        { id, fromGeneration: 0, tokenDigest: randomDigest(), reauthenticated: false, ...overrides },
        note,
      );

    it('puts the new digest in the place of the old, one generation on [row 7]', async () => {
      const { tokenDigest: _digest, rotationSalt: _salt, rotatedAt: _at, ...session } = await trial.signIn();
      const digest = randomDigest();
      const rotated = await rotate(session.id, { tokenDigest: digest });
      expect({ ...rotated }).toMatchObject({ ...session, version: 2, tokenGeneration: 1 });
      const found = await trial.read(session.id);
      expect(found).toEqual(rotated);
      expect(hex(found.tokenDigest)).toBe(hex(digest));
    });

    it('is refused from any generation but the current one, and changes nothing then', async () => {
      const { id } = await trial.signIn();
      const current = await rotate(id);
      for (const fromGeneration of [0, 2, -1]) expect(await rotate(id, { fromGeneration })).toBe(undefined);
      expect(await trial.read(id)).toEqual(current);
      expect((await rotate(id, { fromGeneration: 1 }))?.tokenGeneration).toBe(2);
    });

    it('succeeds for one of many that saw the same generation [row 8]', async () => {
      const { id } = await trial.signIn();
      const rotations = await Promise.all(Array.from({ length: 8 }, () => rotate(id)));
      const done = rotations.filter((session) => session !== undefined);
      expect(done.length).toBe(1);
      expect(await trial.read(id)).toEqual(done[0]);
    });

    it('moves the moment of authentication and both limits where the user proved who they are [row 16]', async () => {
      const session = await trial.signIn();
      await trial.pass(5);
      const before = Math.floor(await trial.store.now());
      const plain = await rotate(session.id);
      const { authenticatedAt, lastAccessedAt } = session;
      expect({ ...plain }).toMatchObject({ authenticatedAt, lastAccessedAt });
      const proven = await rotate(session.id, { fromGeneration: 1, reauthenticated: true });
      expect(proven?.authenticatedAt ?? 0).toBeGreaterThanOrEqual(before);
      expect(proven?.lastAccessedAt).toBe(proven?.authenticatedAt);
      expect(proven?.createdAt).toBe(session.createdAt);
      expect((proven?.expiresAt ?? 0) - (proven?.authenticatedAt ?? 0)).toBe(session.expiresAt - authenticatedAt);
    });

    it('raises the assurance where one is given, and leaves it where none is', async () => {
      const { id } = await trial.signIn({ assurance: 'aal1' });
      expect((await rotate(id, { assurance: 'aal2' }))?.assurance).toBe('aal2');
      expect((await rotate(id, { fromGeneration: 1 }))?.assurance).toBe('aal2');
    });

    it('revives nothing that has run out, though nobody has ended it yet [row 23]', async () => {
      for (const limit of ['idle', 'absolute'] as const) {
        const { id } = await trial.signInAndRunOut(limit);
        expect(await rotate(id, { reauthenticated: true })).toBe(undefined);
      }
    });

    it('gives no token to a session that has ended [row 23]', async () => {
      const id = await ended();
      const before = await trial.read(id);
      expect(await rotate(id, { reauthenticated: true })).toBe(undefined);
      expect(await trial.read(id)).toEqual(before);
      expect(await rotate(admissionOf().id)).toBe(undefined);
    });
  });
};
