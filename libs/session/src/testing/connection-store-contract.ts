import { randomBytes, randomUUID } from 'node:crypto';
import type {
  ConnectionChanges,
  ConnectionEntry,
  ConnectionNode,
  ConnectionStore,
  StoredConnection,
} from '../store/connection-store.js';
import type { TestTools } from './test-tools.js';

/** A store of connections to be tried. */
export interface ConnectionStoreHarness {
  readonly store: ConnectionStore;
  /** Frees what the store holds. */
  close(): Promise<void>;
  /** Lets `ms` pass on the store's clock. */
  pass(ms: number): Promise<void>;
}

const AN_HOUR_MS = 3_600_000;
/** Shorter than what a test lets pass for a node to be gone. */
const SOON_MS = 200;
const NOTHING: ConnectionChanges = { removed: [], put: [], active: [] };

/**
 * Registers the tests that every store of connections passes. Several may share one database, because every test keeps to
 * nodes, users and ids of its own.
 *
 * @param tools `describe`, `it`, `beforeEach`, `afterEach` and `expect` of the test runner
 */
export function describeConnectionStoreContract(
  name: string,
  makeStore: () => Promise<ConnectionStoreHarness>,
  { describe, it, beforeEach, afterEach, expect }: TestTools,
): void {
  describe(`${name} keeps the contract of a store of connections`, () => {
    let harness: ConnectionStoreHarness;
    let store: ConnectionStore;
    /** What every id of the running test begins with. */
    let prefix: string;
    const nodes: ConnectionNode[] = [];

    beforeEach(async () => {
      harness = await makeStore();
      store = harness.store;
      prefix = `${randomBytes(6).toString('hex')}_`;
    });
    afterEach(async () => {
      for (const node of nodes.splice(0)) await store.forget(node.id);
      await harness.close();
    });

    const nodeOf = async (nodeName = `node-${randomUUID()}`, within = AN_HOUR_MS): Promise<ConnectionNode> => {
      const node = { id: randomUUID(), name: nodeName, uptimeMs: 0, connections: 0 };
      nodes.push(node);
      await store.beat(node, within);
      return node;
    };
    const entryOf = (id: string, overrides: Partial<ConnectionEntry> = {}): ConnectionEntry => ({
      id: `${prefix}${id}`,
      transport: 'polling',
      namespace: '/',
      address: '192.0.2.1',
      connectedAt: 1_700_000_000_000,
      lastActiveAt: 1_700_000_000_000,
      sessionId: randomUUID(),
      userId: `${prefix}user`,
      tenantId: null,
      metadata: {},
      ...overrides,
    });
    const put = (node: ConnectionNode, ...entries: ConnectionEntry[]): Promise<readonly string[]> =>
      store.write(node, { ...NOTHING, put: entries }, AN_HOUR_MS);
    const find = (id: string): Promise<StoredConnection | undefined> => store.find(`${prefix}${id}`, AN_HOUR_MS);
    const idsOf = (connections: readonly StoredConnection[]): string[] =>
      connections.map(({ id }) => id.slice(prefix.length));

    it('tells what a node has written, with the name of the node', async () => {
      const node = await nodeOf();
      const entry = entryOf('a', {
        tenantId: 'acme',
        transport: 'websocket',
        namespace: '/chat',
        connectedAt: 1_700_000_000_123,
        lastActiveAt: 1_700_000_000_456,
        metadata: { 'a "b"': 'c\\d', n: 1.5, yes: true, no: false, nothing: null, '': 'é😀' },
      });
      const nobodys = entryOf('b', { sessionId: null, userId: null, address: null });
      expect(await put(node, entry, nobodys)).toEqual([]);
      expect(await find('a')).toEqual({ ...entry, nodeId: node.id, node: node.name });
      expect(await find('b')).toEqual({ ...nobodys, nodeId: node.id, node: node.name });
      expect(await find('c')).toBe(undefined);
    });

    it('replaces what has changed, and takes back what was removed', async () => {
      const node = await nodeOf();
      const [a, b] = [entryOf('a'), entryOf('b')];
      await put(node, a, b);
      const changed = { ...a, sessionId: null, userId: null, metadata: { seat: 4 } };
      await store.write(node, { removed: [b.id], put: [changed], active: [] }, AN_HOUR_MS);
      expect(await find('a')).toMatchObject({ sessionId: null, userId: null, metadata: { seat: 4 } });
      expect(await find('b')).toBe(undefined);
      expect(idsOf(await store.ofUser(null, a.userId ?? '', AN_HOUR_MS))).toEqual([]);
      expect(idsOf(await store.ofSession(a.sessionId ?? '', AN_HOUR_MS))).toEqual([]);
    });

    it('writes activity of what is there alone', async () => {
      const [node, other] = [await nodeOf(), await nodeOf()];
      const [own, foreign, gone] = [entryOf('own'), entryOf('foreign'), entryOf('gone')];
      await put(node, own);
      await put(other, foreign);
      const later = { transport: 'websocket', lastActiveAt: 1_800_000_000_000 };
      const active = [own, foreign, gone].map((entry) => ({ ...entry, ...later }));
      await store.write(node, { ...NOTHING, active }, AN_HOUR_MS);
      expect(await find('own')).toMatchObject(later);
      expect(await find('foreign')).toMatchObject({ transport: 'polling', lastActiveAt: foreign.lastActiveAt });
      expect(await find('gone')).toBe(undefined);
    });

    it('finds by user within the tenant, and by session, over all nodes in the order of connecting', async () => {
      const [one, two] = [await nodeOf(), await nodeOf()];
      const [userId, sessionId] = [`${prefix}alice`, randomUUID()];
      await put(one, entryOf('late', { userId, sessionId, connectedAt: 3 }), entryOf('x', { userId: `${userId}x` }));
      await put(two, entryOf('early', { userId, sessionId, connectedAt: 1 }));
      await put(two, entryOf('acme', { userId, tenantId: 'acme' }), entryOf('middle', { userId, connectedAt: 2 }));
      expect(idsOf(await store.ofUser(null, userId, AN_HOUR_MS))).toEqual(['early', 'middle', 'late']);
      expect(idsOf(await store.ofUser('acme', userId, AN_HOUR_MS))).toEqual(['acme']);
      expect(idsOf(await store.ofUser('other', userId, AN_HOUR_MS))).toEqual([]);
      expect(idsOf(await store.ofSession(sessionId, AN_HOUR_MS))).toEqual(['early', 'late']);
      expect(idsOf(await store.ofSession(randomUUID(), AN_HOUR_MS))).toEqual([]);
    });

    it('takes no user for another, whatever the ids hold', async () => {
      const node = await nodeOf();
      const [tenantId, userId] = [`${prefix}a:b`, 'c'];
      await put(node, entryOf('one', { tenantId, userId }));
      await put(node, entryOf('two', { tenantId: `${prefix}a`, userId: 'b:c' }));
      await put(node, entryOf('three', { tenantId: null, userId: `${tenantId}:${userId}` }));
      expect(idsOf(await store.ofUser(tenantId, userId, AN_HOUR_MS))).toEqual(['one']);
      expect(idsOf(await store.ofUser(`${prefix}a`, 'b:c', AN_HOUR_MS))).toEqual(['two']);
      expect(idsOf(await store.ofUser(null, `${tenantId}:${userId}`, AN_HOUR_MS))).toEqual(['three']);
    });

    it('lists by id in pages, by node and by pattern', async () => {
      const [one, two] = [await nodeOf(), await nodeOf()];
      await put(one, entryOf('Ab1'), entryOf('-2'), entryOf('a%1'));
      await put(two, entryOf('_2'), entryOf('ab1'), entryOf('zz9'));
      const all = { idPattern: `${prefix}*`, after: null, limit: 100 };
      // The order of the bytes.
      expect(idsOf(await store.list(all, AN_HOUR_MS))).toEqual(['-2', 'Ab1', '_2', 'a%1', 'ab1', 'zz9']);
      expect(idsOf(await store.list({ ...all, limit: 2 }, AN_HOUR_MS))).toEqual(['-2', 'Ab1']);
      expect(idsOf(await store.list({ ...all, after: `${prefix}Ab1`, limit: 2 }, AN_HOUR_MS))).toEqual(['_2', 'a%1']);
      expect(idsOf(await store.list({ ...all, after: `${prefix}zz9` }, AN_HOUR_MS))).toEqual([]);
      const ofTwo = { node: two.name, after: null, limit: 100 };
      expect(idsOf(await store.list(ofTwo, AN_HOUR_MS))).toEqual(['_2', 'ab1', 'zz9']);
      const matching = async (idPattern: string): Promise<string[]> =>
        idsOf(await store.list({ ...all, idPattern }, AN_HOUR_MS));
      expect(await matching(`${prefix}ab1`)).toEqual(['ab1']);
      expect(await matching(`${prefix}?b1`)).toEqual(['Ab1', 'ab1']);
      expect(await matching(`${prefix}a%*`)).toEqual(['a%1']);
      expect(await matching(`${prefix}_*`)).toEqual(['_2']);
      expect(await matching(`${prefix}*1`)).toEqual(['Ab1', 'a%1', 'ab1']);
      expect(await matching(`${prefix}a`)).toEqual([]);
      expect(await matching(`*${prefix.slice(2)}zz*`)).toEqual(['zz9']);
      const both = { ...ofTwo, idPattern: `${prefix}z*` };
      expect(idsOf(await store.list(both, AN_HOUR_MS))).toEqual(['zz9']);
    });

    it('lists all pages of many, each connection once', async () => {
      const [one, two] = [await nodeOf(), await nodeOf()];
      const entries = Array.from({ length: 60 }, (_, n) => entryOf(String((n * 37) % 60).padStart(2, '0')));
      await put(one, ...entries.slice(0, 25));
      await put(two, ...entries.slice(25));
      const listed: string[] = [];
      let after: string | null = null;
      do {
        const page: readonly StoredConnection[] = await store.list(
          { idPattern: `${prefix}*`, after, limit: 7 },
          AN_HOUR_MS,
        );
        listed.push(...page.map(({ id }) => id));
        after = page.at(-1)?.id ?? null;
      } while (after !== null);
      expect(listed).toEqual(entries.map(({ id }) => id).sort());
    });

    it('counts by the name of the node', async () => {
      const name = `node-${prefix}`;
      const nodesOfOneName = [await nodeOf(name), await nodeOf(name)];
      const [idle, other] = [await nodeOf(), await nodeOf()];
      await put(nodesOfOneName[0] ?? idle, entryOf('a'), entryOf('b'));
      await put(nodesOfOneName[1] ?? idle, entryOf('c'));
      await put(other, entryOf('d'));
      const counts = new Map((await store.count(AN_HOUR_MS)).map((node) => [node.name, node.connections]));
      expect([counts.get(name), counts.get(other.name), counts.get(idle.name)]).toEqual([3, 1, undefined]);
    });

    it('refuses an id that another node which lives has written: the first stays', async () => {
      const [first, second] = [await nodeOf(), await nodeOf()];
      await put(first, entryOf('same', { userId: 'alice' }));
      const refused = await put(second, entryOf('other'), entryOf('same', { userId: 'bob' }));
      expect(refused.map((id) => id.slice(prefix.length))).toEqual(['same']);
      expect(await find('same')).toMatchObject({ userId: 'alice', nodeId: first.id });
      expect(await find('other')).toMatchObject({ nodeId: second.id });
      // Nor is it the newcomer's to remove.
      await store.write(second, { ...NOTHING, removed: [`${prefix}same`] }, AN_HOUR_MS);
      expect(await find('same')).toMatchObject({ nodeId: first.id });
      expect([await store.beat(first, AN_HOUR_MS), await store.beat(second, AN_HOUR_MS)]).toEqual([1, 1]);
      await store.write(first, { ...NOTHING, removed: [`${prefix}same`] }, AN_HOUR_MS);
      expect(await put(second, entryOf('same', { userId: 'bob' }))).toEqual([]);
      expect(await find('same')).toMatchObject({ userId: 'bob' });
    });

    it('of nodes that write one id at once, takes it from exactly one', async () => {
      const four = [await nodeOf(), await nodeOf(), await nodeOf(), await nodeOf()];
      const ids = Array.from({ length: 20 }, (_, n) => `same${n}`);
      const refused = await Promise.all(
        four.map((node, index) => {
          const entries = ids.map((id) => entryOf(id, { address: `192.0.2.${index}` }));
          return put(node, ...(index % 2 === 0 ? entries : entries.reverse()));
        }),
      );
      expect(refused.reduce((sum, { length }) => sum + length, 0)).toBe(3 * ids.length);
      for (const id of ids) {
        const winners = four.filter((_, index) => !(refused[index] ?? []).includes(prefix + id));
        expect(winners.map((node) => node.id)).toEqual([(await find(id))?.nodeId]);
      }
    });

    it('no longer tells of a node that has fallen silent, in any answer, and lets its ids be taken', async () => {
      const silent = await nodeOf();
      const entry = entryOf('a');
      await put(silent, entry);
      await harness.pass(2 * SOON_MS);
      const living = await nodeOf(undefined, SOON_MS);
      expect(await store.find(entry.id, SOON_MS)).toBe(undefined);
      expect(idsOf(await store.ofUser(null, entry.userId ?? '', SOON_MS))).toEqual([]);
      expect(idsOf(await store.ofSession(entry.sessionId ?? '', SOON_MS))).toEqual([]);
      expect(await store.list({ node: silent.name, after: null, limit: 10 }, SOON_MS)).toEqual([]);
      expect((await store.count(SOON_MS)).filter(({ name: nodeName }) => nodeName === silent.name)).toEqual([]);
      expect(await store.write(living, { ...NOTHING, put: [entry] }, SOON_MS)).toEqual([]);
      expect(await find('a')).toMatchObject({ nodeId: living.id });
    });

    it('removes what a silent node has left, which learns of it when it speaks again', async () => {
      const silent = await nodeOf();
      await put(silent, entryOf('a'), entryOf('b'));
      expect(await store.beat(silent, AN_HOUR_MS)).toBe(2);
      await harness.pass(2 * SOON_MS);
      const living = await nodeOf();
      await store.beat(living, SOON_MS);
      expect(await store.beat(silent, AN_HOUR_MS)).toBe(0);
      await put(silent, entryOf('a'));
      expect(await find('a')).toMatchObject({ nodeId: silent.id });
      expect(await store.beat(silent, AN_HOUR_MS)).toBe(1);
    });

    it('tells on of a node that gives signs of life, however long it has written nothing', async () => {
      const node = await nodeOf();
      await put(node, entryOf('a'));
      for (let round = 0; round < 4; round += 1) {
        await harness.pass(SOON_MS / 2);
        await store.beat(node, AN_HOUR_MS);
      }
      await store.beat(await nodeOf(), SOON_MS);
      expect(idsOf(await store.ofUser(null, `${prefix}user`, SOON_MS))).toEqual(['a']);
    });

    it('forgets earlier processes of the same name, and no others', async () => {
      const earlier = await nodeOf();
      const other = await nodeOf();
      await put(earlier, entryOf('a'));
      await put(other, entryOf('b'));
      const again = await nodeOf(earlier.name);
      await put(again, entryOf('c'));
      await store.takeOver(again);
      expect(idsOf(await store.list({ idPattern: `${prefix}*`, after: null, limit: 9 }, AN_HOUR_MS))).toEqual([
        'b',
        'c',
      ]);
      // One that lives after all is told so, and is back as soon as it has written again.
      expect(await store.beat(earlier, AN_HOUR_MS)).toBe(0);
      await put(earlier, entryOf('a'));
      expect(await find('a')).toMatchObject({ nodeId: earlier.id });
    });

    it('forgets a process that stops', async () => {
      const [node, other] = [await nodeOf(), await nodeOf()];
      await put(node, entryOf('a'), entryOf('b'));
      await put(other, entryOf('c'));
      await store.forget(node.id);
      expect(idsOf(await store.list({ idPattern: `${prefix}*`, after: null, limit: 9 }, AN_HOUR_MS))).toEqual(['c']);
      expect(await store.beat(node, AN_HOUR_MS)).toBe(0);
    });
  });
}
