import { describe, expect, it } from '@jest/globals';
import { check } from './check.js';
import { EvidenceBuilder } from './evidence-builder.js';

const token = { session: 's1', generation: 0 };
/** `maxStalenessMs` and the slack of the settings. */
const BOUND_MS = 2_600;

const run = (): EvidenceBuilder => new EvidenceBuilder().signIn('s1', 1_000);
const signOut = (at: number) => ['sign-out', at, { status: 204 }, { token, target: { session: 's1' } }] as const;

/** The invariants that the evidence breaks. */
function broken(evidence: EvidenceBuilder): string[] {
  return [...new Set(check(evidence.build()).map(({ invariant }) => invariant))];
}

describe('a run in which all is well', () => {
  it('has no violation', () => {
    const evidence = run()
      .me('s1', 1_100, 200)
      .signIn('s2', 1_200)
      .signIn('s3', 1_300, { evicts: ['s1'] })
      .me('s1', 1_400, { status: 401, code: 'SESSION_EVICTED' })
      .rotate('s2', 1_505)
      .operation('password', 1_500, { status: 200 }, { token: { session: 's2', generation: 0 } })
      .me('s2', 1_600, { status: 401, code: 'SESSION_INVALID' })
      .me('s2', 1_700, 200, { generation: 1 })
      .end('s3', 2_000)
      .operation('admin-end', 2_000, { status: 204 }, { target: { session: 's3' } })
      .me('s3', 2_000 + BOUND_MS, 200, { node: 'b' })
      .me('s3', 2_100 + BOUND_MS, { status: 401, code: 'SESSION_REVOKED' }, { node: 'b' })
      .me('s2', 9_000, { status: 503, code: 'SESSION_STORE_UNAVAILABLE' })
      .me('s2', 9_100, 200, { generation: 1, final: true });
    expect(check(evidence.build())).toEqual([]);
  });
});

describe('I1 revocation', () => {
  it('is broken by an admission that began later than the bound after a sign-out', () => {
    const evidence = run()
      .end('s1', 2_000)
      .operation(...signOut(2_000))
      .me('s1', 2_010 + BOUND_MS, 200, { node: 'b' });
    expect(broken(evidence)).toEqual(['I1']);
  });

  it('is broken by an admission long after an eviction, an administrator’s bulk, and the end of all others', () => {
    const evicted = run()
      .signIn('s2', 2_000, { evicts: ['s1'] })
      .me('s1', 2_010 + BOUND_MS, 200);
    expect(broken(evicted)).toEqual(['I1']);
    for (const kind of ['admin-end-user', 'admin-bulk', 'admin-cut-off', 'end-own-others', 'password'] as const) {
      const evidence = run()
        .end('s1', 2_000)
        .operation(kind, 2_000, { status: 200 }, { target: { user: 'ann', except: 's0' } })
        .me('s1', 2_010 + BOUND_MS, 200);
      expect(broken(evidence)).toEqual(['I1']);
    }
  });

  it('is broken by the old token long after a new password has replaced it', () => {
    const evidence = run()
      .rotate('s1', 2_000)
      .operation('password', 2_000, { status: 200 }, { token, target: { user: 'ann', except: 's1' } })
      .me('s1', 2_010 + BOUND_MS, 200);
    expect(broken(evidence)).toEqual(['I1']);
  });

  it('is broken by a revocation that was acknowledged and is not in the log, or only later', () => {
    expect(broken(run().operation(...signOut(2_000)))).toEqual(['I1']);
    expect(
      broken(
        run()
          .end('s1', 9_000)
          .operation(...signOut(2_000)),
      ),
    ).toEqual(['I1']);
  });

  it('says nothing of a revocation whose outcome is not known, in either case', () => {
    const details = { token, target: { session: 's1' } };
    const absent = { node: 'a', from: 1_990, until: 2_100 };
    const happened = run().end('s1', 2_000).lost('sign-out', 2_000, details);
    happened.absences.push(absent);
    expect(broken(happened.me('s1', 9_000, { status: 401, code: 'SESSION_SIGNED_OUT' }))).toEqual([]);
    const didNot = run().lost('sign-out', 2_000, details).me('s1', 9_000, 200);
    didNot.absences.push(absent);
    expect(broken(didNot)).toEqual([]);
  });

  it('says nothing of a sign-in that was not answered when all sessions of the user were ended', () => {
    const evidence = run()
      .operation('admin-end-user', 1_002, { status: 200 }, { target: { user: 'ann' } })
      .me('s1', 9_000, 200);
    expect(broken(evidence)).toEqual([]);
  });
});

describe('I2 limit', () => {
  it('is broken by a snapshot with too many', () => {
    const evidence = run();
    evidence.overLimit.push({ at: 1_500, scope: 'ann on web', sessions: ['s1', 's2', 's3'] });
    expect(broken(evidence)).toEqual(['I2']);
  });

  it('is broken by a log in which three sessions lived at once, though no snapshot saw them', () => {
    const evidence = run().signIn('s2', 1_100).signIn('s3', 1_200).end('s1', 1_201);
    expect(broken(evidence)).toEqual(['I2']);
  });

  it('takes an eviction and the sign-in of one transaction for one moment', () => {
    expect(
      broken(
        run()
          .signIn('s2', 1_100)
          .signIn('s3', 1_200, { evicts: ['s2'] }),
      ),
    ).toEqual([]);
  });

  it('counts sessions that nobody was told of', () => {
    const evidence = run().signIn('s2', 1_100, { answered: false }).signIn('s3', 1_200, { answered: false });
    expect(broken(evidence)).toEqual(['I2']);
  });
});

describe('I3 identity', () => {
  it('is broken by an answer for another user, another session, or with another’s sessions in a list', () => {
    expect(broken(run().me('s1', 1_100, { status: 200, seenAs: { user: 'bob', session: 's1' } }))).toEqual(['I3']);
    expect(broken(run().me('s1', 1_100, { status: 200, seenAs: { user: 'ann', session: 's9' } }))).toEqual(['I3']);
    expect(broken(run().operation('list', 1_100, { status: 200, listedUsers: ['ann', 'bob'] }, { token }))).toEqual([
      'I3',
    ]);
  });
});

describe('scheduled rotation', () => {
  const GRACE_MS = 3_000;
  const refused = { status: 401, code: 'SESSION_INVALID' };
  const rotated = () =>
    run()
      .rotate('s1', 2_002, 'scheduled')
      .me('s1', 2_000, { status: 200, successor: { session: 's1', generation: 1 } });

  it('lets the old token be good through its grace and refused behind it', () => {
    const evidence = rotated()
      .me('s1', 3_000, 200, { node: 'b' })
      .me('s1', 2_100 + GRACE_MS, refused)
      .me('s1', 2_000 + GRACE_MS + BOUND_MS, 200, { node: 'b' })
      .me('s1', 20_000, 200, { generation: 1 });
    expect(check(evidence.build())).toEqual([]);
  });

  it('breaks I5 where the old token is refused in its grace, and not where another rotation followed', () => {
    expect(broken(rotated().me('s1', 3_000, refused))).toEqual(['I5']);
    expect(broken(rotated().rotate('s1', 2_900).me('s1', 3_000, refused))).toEqual([]);
  });

  it('breaks I1 where the old token is admitted long behind its grace', () => {
    expect(broken(rotated().me('s1', 2_010 + GRACE_MS + BOUND_MS, 200))).toEqual(['I1']);
  });
});

describe('cut-offs', () => {
  const target = { user: 'ann' };
  const refused = { status: 401, code: 'SESSION_REVOKED' };

  it('end what was created until then, of their user or of everybody, and no row changes', () => {
    for (const user of ['ann', null]) {
      const evidence = run()
        .cutOff(user, 2_000)
        .operation('admin-cut-off', 2_000, { status: 201 }, { target })
        .me('s1', 2_000 + BOUND_MS, 200, { node: 'b' })
        .me('s1', 5_000, refused)
        .me('s1', 6_000, refused, { final: true })
        .row('s1', { lastAccessedAt: 1_000 });
      expect(check(evidence.build())).toEqual([]);
    }
  });

  it('make room for as many as they end, but not for others', () => {
    const evidence = () => run().signIn('s2', 1_100).cutOff('ann', 1_150).signIn('s3', 1_200).signIn('s4', 1_300);
    expect(broken(evidence())).toEqual([]);
    expect(broken(evidence().signIn('s5', 1_400))).toEqual(['I2']);
    expect(broken(run().signIn('s2', 1_100).cutOff('bob', 1_150).signIn('s3', 1_200))).toEqual(['I2']);
  });

  it('break I1 where somebody is admitted long after, or where they are not in the log', () => {
    const late = run()
      .cutOff('ann', 2_000)
      .operation('admin-cut-off', 2_000, { status: 201 }, { target })
      .me('s1', 2_010 + BOUND_MS, 200);
    expect(broken(late)).toEqual(['I1']);
    expect(broken(run().operation('admin-cut-off', 2_000, { status: 201 }, { target }))).toEqual(['I1']);
  });

  it('break I5 where they refuse another user or who signed in later', () => {
    expect(broken(run().cutOff('bob', 2_000).me('s1', 3_000, refused))).toEqual(['I5']);
    expect(broken(run().cutOff('ann', 900).me('s1', 3_000, refused))).toEqual(['I5']);
  });
});

describe('I4 finality', () => {
  it('is broken by a node that admits what it has refused as ended, even within the bound', () => {
    const evidence = run()
      .end('s1', 2_000)
      .me('s1', 2_010, { status: 401, code: 'SESSION_REVOKED' })
      .me('s1', 2_020, 200);
    expect(broken(evidence)).toEqual(['I4']);
  });

  it('lets another node be behind for a while', () => {
    const evidence = run()
      .end('s1', 2_000)
      .me('s1', 2_010, { status: 401, code: 'SESSION_REVOKED' })
      .me('s1', 2_020, 200, { node: 'b' });
    expect(broken(evidence)).toEqual([]);
  });

  it('is broken by the row of an ended session that changes, and by a session that was answered and is gone', () => {
    const evidence = run();
    evidence.changedEnds.push({ session: 's1', before: 'revoked', after: 'live again', isVersionAlone: false });
    expect(broken(evidence)).toEqual(['I4']);
    expect(broken(run().forget('s1'))).toEqual(['I4']);
  });
});

describe('I5 answers', () => {
  it('is broken by a 500, by a status that does not fit, and by a wrong password that was right', () => {
    expect(broken(run().me('s1', 1_100, { status: 500 }))).toEqual(['I5']);
    expect(broken(run().me('s1', 1_100, { status: 409 }))).toEqual(['I5']);
    const refused = { status: 401, code: 'BAD_CREDENTIALS' };
    expect(broken(run().operation('sign-in', 1_100, refused, { passwordIsSure: true }))).toEqual(['I5']);
    expect(broken(run().operation('sign-in', 1_100, refused, { passwordIsSure: false }))).toEqual([]);
  });

  it('is broken by no answer of a node that was there', () => {
    expect(broken(run().lost('me', 1_100, { token }))).toEqual(['I5']);
  });

  it('is broken by a 401 or a 404 for a session that lives', () => {
    expect(broken(run().me('s1', 1_100, { status: 401, code: 'SESSION_INVALID' }))).toEqual(['I5']);
    expect(broken(run().me('s1', 1_100, { status: 401, code: 'SESSION_REVOKED' }).end('s1', 5_000))).toEqual(['I5']);
    expect(broken(run().me('s1', 1_100, { status: 401, code: 'SESSION_EXPIRED' }))).toEqual(['I5']);
    const signOut = { status: 401, code: 'SESSION_INVALID' };
    expect(broken(run().operation('sign-out', 1_100, signOut, { token }))).toEqual(['I5']);
    expect(broken(run().rotate('s1', 1_050).operation('sign-out', 1_100, signOut, { token }))).toEqual([]);
    const missing = { status: 404, code: 'SESSION_NOT_FOUND' };
    expect(broken(run().operation('admin-end', 1_100, missing, { target: { session: 's1' }, token }))).toEqual(['I5']);
    expect(broken(run().operation('password', 1_100, missing, { token }))).toEqual(['I5']);
    expect(broken(run().operation('password', 1_100, missing, { token }).end('s1', 1_103))).toEqual([]);
  });

  it('is broken by a process that ends by itself, or too late, or with an error', () => {
    const end = { node: 'a', at: 2_000, asked: null, code: 1, tookMs: 0, output: 'TypeError' };
    for (const wrong of [end, { ...end, asked: 'terminate', tookMs: 11_000, code: 0 } as const]) {
      const evidence = run();
      evidence.ends.push(wrong);
      expect(broken(evidence)).toEqual(['I5']);
    }
    const killed = run();
    killed.ends.push({ ...end, asked: 'kill', code: null });
    expect(broken(killed)).toEqual([]);
  });

  it('is broken by nodes that do not recover', () => {
    const evidence = run().fault('node killed', 'node', 1_000, 2_000, 'a');
    evidence.faults[0]!.recovered = null;
    expect(broken(evidence)).toEqual(['I5']);
  });
});

describe('P3 lifetime', () => {
  it('is broken by an admission a second behind the absolute or the idle limit', () => {
    expect(broken(run().row('s1', { expiresAt: 2_000 }).me('s1', 3_200, 200))).toEqual(['P3']);
    expect(broken(run().me('s1', 62_300, 200))).toEqual(['P3']);
    expect(broken(run().me('s1', 30_000, 200).me('s1', 89_000, 200))).toEqual([]);
  });
});

describe('I6 convergence', () => {
  const refused = { status: 401, code: 'SESSION_INVALID' };

  it('is broken by a node that answers otherwise than the database has it', () => {
    expect(broken(run().end('s1', 1_500).me('s1', 2_000, 200, { final: true }))).toEqual(['I6']);
    expect(broken(run().me('s1', 2_000, { status: 503 }, { final: true }))).toEqual(['I6']);
    expect(broken(run().rotate('s1', 1_500).me('s1', 2_000, refused, { final: true }))).toEqual([]);
  });

  it('is broken by what Redis holds otherwise', () => {
    const record = { id: 's1', user: 'ann', status: 'active', version: 1, generation: 0 };
    const withRedis = (session: string, held: typeof record | null): EvidenceBuilder => {
      const evidence = run();
      evidence.sharedLevel.push({ session, record: held });
      return evidence;
    };
    expect(broken(withRedis('s1', record))).toEqual([]);
    expect(broken(withRedis('s1', { ...record, version: 2 }))).toEqual(['I6']);
    expect(broken(withRedis('s1', { ...record, status: 'revoked' }))).toEqual(['I6']);
    expect(broken(withRedis('s1', { ...record, user: 'bob' }))).toEqual(['I6']);
    expect(broken(withRedis('s2', record))).toEqual(['I6']);
    expect(broken(withRedis('s1', null))).toEqual(['I6']);
    expect(broken(withRedis('s1', record).end('s1', 1_500))).toEqual([]);
  });
});

describe('I7 events', () => {
  it('is broken by an end with two events, with none, and by an event of an end that is none', () => {
    expect(broken(run().end('s1', 1_500).event('expired', 's1', 1_600))).toEqual(['I7']);
    expect(broken(run().row('s1', { status: 'revoked' }))).toEqual(['I7']);
    expect(broken(run().event('revoked', 's1', 1_500))).toEqual(['I7']);
    expect(broken(run().event('created', 's1', 1_500))).toEqual(['I7']);
  });
});

describe('P4 touches', () => {
  const end = { node: 'a', at: 9_000, asked: 'terminate', code: 0, tookMs: 100, output: '' } as const;

  it('is broken by an access that SIGTERM has left unwritten', () => {
    const evidence = run().me('s1', 5_000, 200);
    evidence.ends.push({ ...end, storedAccesses: new Map([['s1', 1_000]]) });
    expect(broken(evidence)).toEqual(['P4']);
  });

  it('excuses a process that ends while its database is away', () => {
    const evidence = run().me('s1', 5_000, 200).fault('database killed', 'database', 8_000, 10_000);
    evidence.ends.push({ ...end, storedAccesses: new Map([['s1', 1_000]]) });
    expect(broken(evidence)).toEqual([]);
  });

  it('is broken by an access that is never written, unless its node was killed soon after', () => {
    expect(broken(run().me('s1', 5_000, 200).row('s1', { lastAccessedAt: 1_000 }))).toEqual(['P4']);
    const killed = run().me('s1', 5_000, 200).row('s1', { lastAccessedAt: 1_000 });
    killed.ends.push({ ...end, at: 6_000, asked: 'kill', code: null });
    expect(broken(killed)).toEqual([]);
    const late = run().me('s1', 5_000, 200).row('s1', { lastAccessedAt: 1_000 });
    late.ends.push({ ...end, at: 20_000, asked: 'kill', code: null });
    expect(broken(late)).toEqual(['P4']);
  });
});
