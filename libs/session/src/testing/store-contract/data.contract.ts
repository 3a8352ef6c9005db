import type { SessionRecord } from '../../core/session.js';
import type { DataChange } from '../../store/session-data.js';
import { type ContractPart, everywhere, idsOf, note, someone, sortedIdsOf } from './store-trial.js';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';

/** The data of sessions, apart from what else changes of them. */
export const dataContract: ContractPart = (trial, { describe, it, expect }) => {
  const set = (session: Pick<SessionRecord, 'id' | 'dataVersion'>, data: SessionRecord['data']) =>
    trial.store.replaceData({ id: session.id, fromVersion: session.dataVersion, data, keys: Object.keys(data) }, note);
  const setAll = (data: SessionRecord['data']) => (): Promise<DataChange> =>
    Promise.resolve({ data, keys: Object.keys(data) });

  describe('data', () => {
    it('is replaced, frozen, with a version of its own and one more of the session', async () => {
      const session = await trial.signIn({ data: { a: 1 } });
      expect([session.data, session.dataVersion]).toEqual([{ a: 1 }, 0]);
      const changed = await set(session, { b: { c: [1, { d: null }] } });
      expect(changed).toEqual({
        ...session,
        data: { b: { c: [1, { d: null }] } },
        dataVersion: 1,
        version: session.version + 1,
      });
      expect(await trial.read(session.id)).toEqual(changed);
      const { b } = (await trial.read(session.id)).data as { b: { c: object[] } };
      expect([b, b.c, b.c[1]].every(Object.isFrozen)).toBe(true);
    });

    it('shares nothing with what it was made of', async () => {
      const session = await trial.signIn();
      const data = { list: [1] };
      await set(session, data);
      data.list.push(2);
      expect((await trial.read(session.id)).data).toEqual({ list: [1] });
    });

    it('of another version is left alone, and no other change is another version', async () => {
      const session = await trial.signIn();
      await trial.store.rename(everywhere, session.id, 'renamed', note);
      expect((await set(session, { n: 1 }))?.dataVersion).toBe(1);
      expect(await set(session, { n: 2 })).toBe(undefined);
      expect((await trial.read(session.id)).data).toEqual({ n: 1 });
    });

    it('is changed by one of many who began from the same version', async () => {
      const session = await trial.signIn();
      const outcomes = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => set(session, { n })));
      expect(outcomes.filter((outcome) => outcome !== undefined).length).toBe(1);
      expect((await trial.read(session.id)).dataVersion).toBe(1);
    });

    it('of a suspended, ended, cut-off or unknown session is left alone', async () => {
      const suspended = await trial.signIn();
      await trial.store.changeStatus(everywhere, suspended.id, 'suspended', note);
      expect(await set(suspended, { n: 1 })).toBe(undefined);
      const ended = await trial.signIn();
      await trial.store.end(everywhere, ended.id, 'revoked', note);
      expect(await set(ended, { n: 1 })).toBe(undefined);
      const facts = someone();
      const cutOff = await trial.signIn({ facts });
      await trial.store.cutOff(facts, note);
      expect(await set(cutOff, { n: 1 })).toBe(undefined);
      expect(await set({ id: UNKNOWN_ID, dataVersion: 0 }, { n: 1 })).toBe(undefined);
      for (const { id } of [suspended, ended, cutOff]) expect((await trial.read(id)).data).toEqual({});
    });

    it('is in the history once for each change, by whom and why', async () => {
      const session = await trial.signIn();
      await set(session, { n: 1 });
      await set(await trial.read(session.id), { n: 2 });
      const history = await trial.store.history(everywhere, session.id, { limit: 10, after: null });
      const changes = history?.filter(({ type }) => type === 'data_changed');
      expect(changes?.map(({ version, reason, actor }) => ({ version, reason, actor }))).toEqual([
        { version: 2, reason: note.reason, actor: note.by },
        { version: 3, reason: note.reason, actor: note.by },
      ]);
    });
  });

  describe('the data of a user', () => {
    it('is changed in all live sessions of the user, suspended ones too, and in no others', async () => {
      const facts = someone();
      const [first, suspended, ended] = [
        await trial.signIn({ facts }),
        await trial.signIn({ facts }),
        await trial.signIn({ facts }),
      ];
      await trial.store.changeStatus(everywhere, suspended.id, 'suspended', note);
      await trial.store.end(everywhere, ended.id, 'revoked', note);
      const others = [
        await trial.signIn({ facts: { ...facts, tenantId: null } }),
        await trial.signIn({ facts: { ...facts, userId: `${facts.userId} too` } }),
      ];
      const changed = await trial.store.changeUserData(facts, setAll({ role: 'admin' }), note);
      expect(sortedIdsOf(changed)).toEqual([first.id, suspended.id].sort());
      for (const { data, dataVersion } of changed) expect([data, dataVersion]).toEqual([{ role: 'admin' }, 1]);
      for (const { id } of [ended, ...others]) expect((await trial.read(id)).data).toEqual({});
      expect((await trial.read(suspended.id)).status).toBe('suspended');
    });

    it('is made of what each session has, and left where nothing is to be changed', async () => {
      const facts = someone();
      const left = await trial.signIn({ facts, data: { n: 0 } });
      await trial.signIn({ facts, data: { n: 1 } });
      const changed = await trial.store.changeUserData(
        facts,
        ({ data }) => {
          const n = data['n'] as number;
          return Promise.resolve(n === 0 ? undefined : { data: { n: n + 1 }, keys: ['n'] });
        },
        note,
      );
      expect(changed.map(({ data }) => data)).toEqual([{ n: 2 }]);
      expect((await trial.read(left.id)).version).toBe(left.version);
    });

    it('is changed of all or of none', async () => {
      const facts = someone();
      const sessions = await trial.signInTimes(3, { facts });
      let asked = 0;
      const change = trial.store.changeUserData(
        facts,
        () => {
          asked += 1;
          return asked === 3 ? Promise.reject(new RangeError('too large')) : setAll({ n: 1 })();
        },
        note,
      );
      expect(await change.catch((error: unknown) => (error as Error).message)).toBe('too large');
      const { records } = await trial.store.findMany(idsOf(sessions));
      expect(records.map(({ data }) => data)).toEqual([{}, {}, {}]);
    });

    it('is changed by everybody who changes it at once, beside sign-ins and ends', async () => {
      const facts = someone();
      const ended = await trial.signIn({ facts, data: { n: 0 } });
      const left = await trial.signInTimes(3, { facts, data: { n: 0 } });
      const add = () =>
        trial.store.changeUserData(
          facts,
          ({ data }) => Promise.resolve({ data: { n: (data['n'] as number) + 1 }, keys: ['n'] }),
          note,
        );
      const scope = { kind: 'user', ...facts } as const;
      await Promise.all([
        add(),
        trial.signIn({ facts, data: { n: 0 } }),
        add(),
        trial.store.endMany({ scope, ids: [ended.id] }, 'revoked', note, 10),
        add(),
      ]);
      for (const { id } of left) expect((await trial.read(id)).data).toEqual({ n: 3 });
      expect(await trial.liveOf(facts)).toBe(4);
    });
  });
};
