import { describe, expect, it } from '@jest/globals';
import { CLIENTS } from '../client-stalls.js';
import { SocketHistory, type SocketRecord } from '../socket-history.js';
import { check } from './check.js';
import { EvidenceBuilder } from './evidence-builder.js';
import { socketsNotExercised as notExercised } from './exercise.js';

/** `maxStalenessMs` and the slack of the settings. */
const BOUND_MS = 2_600;
/** When the end of the session was acknowledged. */
const END = 2_005;
const DUE = END + BOUND_MS;

const run = (): EvidenceBuilder => new EvidenceBuilder().signIn('s1', 1_000);
/** Session s1 is signed out; its answer came at `END`. */
const signedOut = (): EvidenceBuilder =>
  run()
    .end('s1', 2_000, 'signed_out')
    .operation(
      'sign-out',
      2_000,
      { status: 204 },
      { token: { session: 's1', generation: 0 }, target: { session: 's1' } },
    );

const closed = (at: number, byClient = false): Pick<SocketRecord, 'closed'> => ({
  closed: { at, why: byClient ? 'io client disconnect' : 'io server disconnect', byClient },
});
const kicked = (at: number, { session = 's1', code = 'SESSION_SIGNED_OUT' } = {}): Partial<SocketRecord> => ({
  kick: { at, session, code, reason: 'nemesis' },
  ...closed(at + 1),
});
const got = (at: number): Partial<SocketRecord> => ({ received: 1, lastReceived: { name: 'message', at } });

/** The invariants that the evidence breaks. */
function broken(evidence: EvidenceBuilder): string[] {
  return [...new Set(check(evidence.build()).map(({ invariant }) => invariant))];
}

describe('sockets of a run in which all is well', () => {
  it('have no violation', () => {
    const evidence = signedOut()
      .socket('s1', 1_100, { ...got(DUE - 10), ...kicked(DUE - 5) })
      .socket('s1', 1_200, closed(1_300, true))
      .signIn('s2', 3_000)
      .socket('s2', 3_100, { ...got(9_000), lastAnsweredAsk: 9_100 });
    evidence.censusAt = 12_000;
    expect(check(evidence.build())).toEqual([]);
  });
});

describe('I1 revocation of sockets', () => {
  it('is broken by an event that comes later than the bound after the end, and by an answer', () => {
    expect(broken(signedOut().socket('s1', 1_100, { ...got(DUE + 10), ...closed(DUE - 1) }))).toEqual(['I1']);
    expect(broken(signedOut().socket('s1', 1_100, { lastAnsweredAsk: DUE + 10, ...closed(DUE - 1) }))).toEqual(['I1']);
  });

  it('is broken by a connection that is open for longer than the bound, whoever closes it then', () => {
    for (const byClient of [true, false]) {
      expect(broken(signedOut().socket('s1', 1_100, closed(DUE + 10, byClient)))).toEqual(['I1']);
    }
  });

  it('is broken by one that is open to the end', () => {
    const evidence = signedOut().socket('s1', 1_100);
    evidence.censusAt = DUE + 10;
    expect(broken(evidence)).toEqual(['I1', 'I6']);
  });

  it('is broken by one that connects long after the end, and by one that came within the bound and stays', () => {
    expect(broken(signedOut().socket('s1', DUE + 15, closed(DUE + 16)))).toEqual(['I1']);
    expect(broken(signedOut().socket('s1', DUE - 20, closed(DUE - 10)))).toEqual([]);
    expect(broken(signedOut().socket('s1', DUE - 20, closed(DUE + 10)))).toEqual(['I1']);
  });

  it('is broken by one that outlives a cut-off of its user, and by one that outlives its absolute limit', () => {
    const cutOff = run()
      .cutOff('ann', 2_000)
      .operation('admin-cut-off', 2_000, { status: 201 }, { target: { user: 'ann' } })
      .socket('s1', 1_100, closed(DUE + 10));
    expect(broken(cutOff)).toEqual(['I1']);
    const expired = (at: number) => run().row('s1', { expiresAt: 2_000 }).socket('s1', 1_100, closed(at));
    expect(broken(expired(2_000 + BOUND_MS - 10))).toEqual([]);
    expect(broken(expired(2_000 + BOUND_MS + 10))).toEqual(['I1']);
  });

  it('gives a node that stands still as long again once it goes on, but no leave to send', () => {
    const stopped = (socket: Partial<SocketRecord>) => {
      const evidence = signedOut().socket('s1', 1_100, socket);
      evidence.absences.push({ node: 'a', from: 1_500, until: 9_000 });
      return evidence;
    };
    expect(broken(stopped(closed(9_000 + BOUND_MS - 10)))).toEqual([]);
    expect(broken(stopped(closed(9_000 + BOUND_MS + 10)))).toEqual(['I1']);
    expect(broken(stopped({ ...got(9_001), ...closed(9_002) }))).toEqual(['I1']);
  });

  it('holds against no node that the clients had no time to read', () => {
    const evidence = signedOut().socket('s1', 1_100, { ...got(DUE + 10), ...closed(DUE + 20) });
    evidence.absences.push({ node: CLIENTS, from: DUE - 50, until: DUE + 5 });
    expect(broken(evidence)).toEqual([]);
    // What they had no time for before was read long since.
    const earlier = signedOut().socket('s1', 1_100, closed(DUE + 20));
    earlier.absences.push({ node: CLIENTS, from: DUE - 500, until: DUE - 100 });
    expect(broken(earlier)).toEqual(['I1']);
  });
});

describe('I3, I5 what sockets are told', () => {
  it('is broken by a message for somebody else, and by the end of another session', () => {
    expect(broken(run().socket('s1', 1_100, { strayed: 'for bob', ...closed(1_200) }))).toEqual(['I3']);
    expect(broken(signedOut().socket('s1', 1_100, kicked(2_100, { session: 's2' })))).toEqual(['I3']);
  });

  it('is broken by the end of a session that lives, or that ends only later', () => {
    expect(broken(run().socket('s1', 1_100, kicked(1_500)))).toEqual(['I5']);
    expect(broken(run().socket('s1', 1_100, kicked(1_500)).end('s1', 5_000))).toEqual(['I5']);
    expect(broken(run().socket('s1', 1_100, kicked(1_500, { code: 'SESSION_EXPIRED' })))).toEqual(['I5']);
    const expired = run().row('s1', { expiresAt: 1_500 });
    expect(broken(expired.socket('s1', 1_100, kicked(1_505, { code: 'SESSION_EXPIRED' })))).toEqual([]);
  });

  it('is broken by a connection that is refused without a reason, or that a node that was there left unanswered', () => {
    const token = { session: 's1', generation: 0 };
    const refused = { status: 401, code: 'SESSION_REVOKED' };
    expect(broken(run().operation('connect', 1_100, refused, { token }))).toEqual(['I5']);
    expect(broken(run().lost('connect', 1_100, { token }))).toEqual(['I5']);
  });
});

describe('I6 convergence of sockets', () => {
  it('is broken by nodes that tell of more or fewer connections than there are, or of none', () => {
    for (const connections of [0, 2]) {
      const evidence = run().socket('s1', 1_100);
      evidence.counted = [{ name: 'a', startedAt: 0, connections }];
      expect(broken(evidence)).toEqual(['I6']);
    }
    const silent = run().socket('s1', 1_100);
    silent.counted = null;
    expect(broken(silent)).toEqual(['I6']);
  });

  it('counts of each name the newest process: what was killed is told of for a while', () => {
    const evidence = run().socket('s1', 1_100);
    evidence.counted = [
      { name: 'a', startedAt: 10, connections: 1 },
      { name: 'a', startedAt: 0, connections: 7 },
      { name: 'b', startedAt: 5, connections: 0 },
    ];
    expect(broken(evidence)).toEqual([]);
  });

  it('is broken by an open socket of a session that is over, acknowledged or not, cut off, or not in the database', () => {
    const wrongs = [run().end('s1', 2_000), run().cutOff('ann', 2_000), run().row('s1', { expiresAt: 1_000 })];
    for (const evidence of wrongs) {
      evidence.socket('s1', 1_100);
      evidence.censusAt = 20_000;
      expect(broken(evidence)).toContain('I6');
    }
    expect(broken(run().socket('s1', 1_100).forget('s1'))).toContain('I6');
  });
});

describe('a run in which too little happened', () => {
  const nothing = { sockets: [], census: { at: 0, open: [], nodes: [] } };

  it('proves nothing without events, answers, kicks and a socket at the end', () => {
    expect(notExercised(nothing)).toHaveLength(4);
    const history = new SocketHistory();
    const socket = history.append({
      id: 1,
      node: 'a',
      user: 'ann',
      token: { session: 's1', generation: 0 },
      joined: 1,
    });
    Object.assign(socket, { ...got(5), lastAnsweredAsk: 4 });
    expect(notExercised({ sockets: history.records, census: { at: 9, open: [1], nodes: [] } })).toEqual([
      'no socket was told that its session is over',
    ]);
    Object.assign(socket, kicked(6));
    expect(notExercised({ sockets: history.records, census: { at: 9, open: [1], nodes: [] } })).toEqual([]);
  });
});
