import { describe, expect, it } from '@jest/globals';
import type { LedgerJob } from '../evidence.js';
import { check } from './check.js';
import { EvidenceBuilder, type OperationDetails } from './evidence-builder.js';
import { lifecycleNotExercised } from './exercise.js';

const token = { session: 's1', generation: 0 };
/** `maxStalenessMs` and the slack of the settings. */
const BOUND_MS = 2_600;

const run = (): EvidenceBuilder => new EvidenceBuilder().signIn('s1', 1_000);

/** The promises that the evidence breaks. */
function broken(evidence: EvidenceBuilder): string[] {
  return [...new Set(check(evidence.build()).map(({ invariant }) => invariant))];
}

describe('suspension', () => {
  const locked = { status: 423, code: 'SESSION_SUSPENDED' };
  const suspended = () => run().step('admin-suspend', 's1', 2_000);
  const resumed = () => suspended().step('admin-resume', 's1', 10_000);

  it('refuses with 423 until it is resumed, and lets nodes be behind for a while', () => {
    const evidence = resumed()
      .me('s1', 2_000 + BOUND_MS, 200, { node: 'b' })
      .me('s1', 2_100 + BOUND_MS, locked, { node: 'b' })
      .me('s1', 10_000 + BOUND_MS, locked, { node: 'b' })
      .me('s1', 10_100 + BOUND_MS, 200, { node: 'b', final: true });
    expect(check(evidence.build())).toEqual([]);
  });

  it('breaks I1 where somebody is admitted long after, or where it is not in the log', () => {
    expect(broken(resumed().me('s1', 2_010 + BOUND_MS, 200, { node: 'b' }))).toEqual(['I1']);
    const target = { session: 's1', reason: 'nemesis keeps 1' };
    expect(broken(run().operation('admin-suspend', 2_000, { status: 200 }, { target }))).toEqual(['I1']);
  });

  it('breaks I5 where 423 is answered to a session that is not suspended, or not any more for long', () => {
    expect(broken(run().me('s1', 2_000, locked))).toEqual(['I5']);
    expect(broken(resumed().me('s1', 10_010 + BOUND_MS, locked))).toEqual(['I5']);
  });

  it('breaks I5 where a step is refused that could be taken', () => {
    const refused = { status: 409, code: 'ILLEGAL_TRANSITION' };
    const target = { session: 's1', reason: 'nemesis keeps 9' };
    expect(broken(run().operation('admin-suspend', 2_000, refused, { target }))).toEqual(['I5']);
    expect(broken(run().operation('admin-resume', 2_000, refused, { target }))).toEqual([]);
    expect(broken(suspended().operation('admin-suspend', 3_000, refused, { target }))).toEqual([]);
    expect(broken(suspended().operation('admin-resume', 3_000, refused, { target }))).toEqual(['I5']);
    const over = suspended().end('s1', 2_500).operation('admin-resume', 3_000, refused, { target });
    expect(broken(over)).toEqual([]);
  });

  it('breaks I6 where a node serves it at the end', () => {
    expect(broken(suspended().me('s1', 4_000, 200, { final: true }))).toEqual(['I6']);
    expect(broken(suspended().me('s1', 4_000, locked, { final: true }))).toEqual([]);
  });

  it('frees a slot where that was asked, and takes it again in the log', () => {
    const one = () => run().step('admin-suspend', 's1', 1_050, 'nemesis frees 1').signIn('s2', 1_100);
    expect(broken(one().signIn('s3', 1_200))).toEqual([]);
    expect(broken(suspended().signIn('s2', 2_100).signIn('s3', 2_200))).toEqual(['I2']);
    expect(broken(one().signIn('s3', 1_200).step('admin-resume', 's1', 1_300))).toEqual(['I2']);
  });

  it('breaks I1 where a socket outlives it, and I5 where one is told of none', () => {
    const kick = { at: 3_000, session: 's1', code: 'SESSION_SUSPENDED', reason: 'nemesis keeps' };
    const open = new EvidenceBuilder().signIn('s1', 1_000).socket('s1', 1_500).step('admin-suspend', 's1', 2_000);
    open.censusAt = 9_000;
    expect(broken(open)).toContain('I1');
    const closed = { at: 3_000, why: 'io server disconnect', byClient: false };
    const told = new EvidenceBuilder().signIn('s1', 1_000).socket('s1', 1_500, { kick, closed });
    expect(broken(told.step('admin-suspend', 's1', 2_000))).toEqual([]);
    expect(broken(new EvidenceBuilder().signIn('s1', 1_000).socket('s1', 1_500, { kick, closed }))).toContain('I5');
  });
});

describe('data', () => {
  const NEVER = 60_000;
  const changing = (member: string, value: string, more: OperationDetails['target'] = {}): OperationDetails => ({
    token,
    target: { written: { [member]: value }, ...more },
  });
  const seen = (version: number, members: Record<string, unknown>) => ({ status: 200, data: { version, members } });
  const one = { one: 's1 1' };
  /** A change that was acknowledged at 2 005. */
  const changed = () =>
    run().row('s1', { lastAccessedAt: 9_000 }).operation('data-merge', 2_000, seen(1, one), changing('one', 's1 1'));
  const kept = () => changed().data('s1', 2_002, one);

  it('is seen at once where it was changed, and elsewhere within the bound', () => {
    const evidence = kept()
      .operation('data', 2_006, seen(1, one), { token })
      .operation('data', 2_000 + BOUND_MS, seen(0, {}), { token, node: 'b' })
      .operation('data', 2_010 + BOUND_MS, seen(1, one), { token, node: 'b' });
    expect(check(evidence.build())).toEqual([]);
  });

  it('is wrong where an acknowledged change is not seen in time', () => {
    expect(broken(kept().operation('data', 2_010 + BOUND_MS, seen(0, {}), { token, node: 'b' }))).toEqual(['data']);
    expect(broken(kept().operation('data', 2_006, seen(0, {}), { token }))).toEqual(['data']);
  });

  it('is wrong where an acknowledged change is lost, unless the session had ended', () => {
    expect(broken(changed())).toEqual(['data']);
    const older = run().operation('data-merge', 1_500, seen(1, { one: 's1 0' }), changing('one', 's1 0'));
    older.operation('data-merge', 2_000, seen(2, one), changing('one', 's1 1'));
    expect(broken(older.data('s1', 1_501, { one: 's1 0' }))).toEqual(['data']);
    expect(broken(changed().end('s1', 2_001))).toEqual([]);
  });

  it('lets a change that was never answered come late, or not at all', () => {
    const absent = { node: 'a', from: 1_000, until: NEVER };
    const lost = kept().lost('data-merge', 1_500, changing('one', 's1 2'));
    lost.absences.push(absent);
    expect(broken(lost)).toEqual([]);
    expect(broken(lost.data('s1', 2_500, { one: 's1 2' }))).toEqual([]);
  });

  it('is wrong where two replace the same version, or a version has two contents', () => {
    const twice = run()
      .operation('data-set', 2_000, seen(1, one), changing('one', 's1 1', { ifVersion: 0 }))
      .operation('data-set', 2_001, seen(2, { one: 's1 2' }), changing('one', 's1 2', { ifVersion: 0 }))
      .data('s1', 2_002, one)
      .data('s1', 2_003, { one: 's1 2' });
    expect(broken(twice)).toEqual(['data']);
    const other = kept()
      .lost('data-merge', 1_990, changing('two', 's1 3'))
      .operation('data', 2_100, seen(1, { ...one, two: 's1 3' }), { token });
    other.absences.push({ node: 'a', from: 1_000, until: NEVER });
    expect(broken(other)).toEqual(['data']);
  });

  it('is wrong where a refused change is there', () => {
    const refused = { status: 409, code: 'SESSION_DATA_CONFLICT' };
    const evidence = run().operation('data-set', 2_000, refused, changing('one', 's1 1', { ifVersion: 4 }));
    expect(broken(evidence)).toEqual([]);
    expect(broken(evidence.data('s1', 2_002, one))).toEqual(['data']);
  });

  it('breaks I3 where a value is of another session, and I7 where a change has no event', () => {
    const evidence = kept().signIn('s2', 2_100, { user: 'bob' });
    const bob = { user: 'bob', token: { session: 's2', generation: 0 } };
    expect(broken(evidence.operation('data', 3_000, seen(0, one), bob))).toContain('I3');
    expect(broken(changed().row('s1', { data: one, dataVersion: 1 }))).toEqual(['I7']);
  });

  it('of a user reaches every session that there was', () => {
    const ofUser = (at: number) =>
      run()
        .signIn('s2', at)
        .operation('user-data', 2_000, { status: 200 }, changing('role', 'ann 1'))
        .data('s1', 2_002, { role: 'ann 1' });
    expect(broken(ofUser(1_500))).toEqual(['data']);
    expect(broken(ofUser(1_500).data('s2', 2_002, { role: 'ann 1' }))).toEqual([]);
    expect(broken(ofUser(2_001))).toEqual([]);
  });
});

describe('undo', () => {
  const target = { session: 's1', reason: 'nemesis undo 1' };
  const created = { user: 'ann', session: 's2', generation: 0 };
  const permitted = () =>
    run()
      .end('s1', 2_000)
      .operation('admin-end', 2_000, { status: 204 }, { target: { session: 's1' } })
      .event('undone', 's1', 3_000, undefined, 'nemesis undo 1')
      .operation('admin-undo', 3_000, { status: 200 }, { target });
  const restored = (evidence: EvidenceBuilder, id = 's2', at = 4_000): EvidenceBuilder =>
    evidence.signIn(id, at, { answered: false }).row(id, { restoredFrom: 's1' }).event('restored', 's1', at);
  const claimed = (evidence: EvidenceBuilder): EvidenceBuilder =>
    evidence.operation('restore', 4_000, { status: 200, created, evicted: [] }, { token });

  it('lets one session take the place of a revoked one, whose token stays dead', () => {
    const evidence = claimed(restored(permitted()))
      .operation('restore', 4_000, { status: 409, code: 'UNDO_REFUSED' }, { token })
      .me('s1', 9_000, { status: 401, code: 'SESSION_REVOKED' })
      .me('s2', 9_000, 200);
    expect(check(evidence.build())).toEqual([]);
    expect(broken(evidence.me('s1', 9_100, 200, { node: 'b' }))).toEqual(['I1']);
  });

  it('is wrong where two take it, nobody permitted it, or nobody asked for it', () => {
    const twice = restored(claimed(restored(permitted())), 's3', 4_100);
    expect(broken(twice)).toEqual(['undo']);
    const ended = run().end('s1', 2_000);
    expect(broken(claimed(restored(ended)))).toEqual(['undo']);
    expect(broken(restored(permitted()))).toEqual(['undo']);
    expect(broken(claimed(restored(run())))).toContain('undo');
  });

  it('is wrong where a permit is not in the log, or is though it was refused', () => {
    expect(broken(run().end('s1', 2_000).operation('admin-undo', 3_000, { status: 200 }, { target }))).toEqual([
      'undo',
    ]);
    const refused = { status: 409, code: 'UNDO_REFUSED' };
    expect(broken(run().end('s1', 2_000).operation('admin-undo', 3_000, refused, { target }))).toEqual([]);
    expect(broken(permitted().operation('admin-undo', 3_100, refused, { target }))).toEqual(['undo']);
  });

  it('changes nothing of the row but its version, and that alone with a permit', () => {
    const change = { session: 's1', before: 'revoked version 2', after: 'revoked version 3', isVersionAlone: true };
    for (const [evidence, expected] of [
      [permitted(), []],
      [run().end('s1', 2_000), ['I4']],
    ] as const) {
      evidence.changedEnds.push(change);
      expect(broken(evidence)).toEqual(expected);
    }
  });

  it('counts what was restored against the limit, and takes its data over', () => {
    const data = { one: 's1 1' };
    const change = { token, target: { written: data } };
    const changed = permitted()
      .operation('data-merge', 1_500, { status: 200, data: { version: 1, members: data } }, change)
      .data('s1', 1_502, data);
    expect(broken(claimed(restored(changed)).row('s2', { data }))).toEqual([]);
    const full = permitted().signIn('s8', 3_500).signIn('s9', 3_600);
    expect(broken(claimed(restored(full)))).toEqual(['I2']);
  });
});

describe('jobs', () => {
  const REASON = 'nemesis job 1';
  const job = (change: Partial<LedgerJob> = {}): LedgerJob => ({
    id: 'j1',
    status: 'done',
    filter: { clientId: 'herd' },
    reason: REASON,
    changed: 2,
    skipped: 0,
    matched: 2,
    createdAt: 2_000,
    finishedAt: 4_000,
    ...change,
  });
  const asked = { target: { reason: REASON } };
  const ending = (evidence: EvidenceBuilder, session: string, at: number): EvidenceBuilder => {
    evidence.row(session, { status: 'revoked', endedAt: at });
    return evidence.event('revoked', session, at, undefined, REASON);
  };
  /** Two of a herd, one of another, and a job that was asked for. */
  const herd = (): EvidenceBuilder =>
    new EvidenceBuilder()
      .signIn('h1', 1_000, { user: 'u1', client: 'herd' })
      .signIn('h2', 1_000, { user: 'u2', client: 'herd' })
      .signIn('o1', 1_000, { user: 'u3', client: 'others' })
      .operation('admin-job', 1_999, { status: 201, job: { id: 'j1', status: 'running' } }, asked);
  const worked = (change: Partial<LedgerJob> = {}): EvidenceBuilder => {
    const evidence = ending(ending(herd(), 'h1', 2_500), 'h2', 2_600);
    evidence.jobs.push(job(change));
    return evidence;
  };

  it('end all that there were and no others', () => {
    const evidence = worked().signIn('h3', 2_100, { user: 'u4', client: 'herd' });
    expect(check(evidence.build())).toEqual([]);
  });

  it('are wrong where one is left, or ended that was not meant', () => {
    const left = ending(herd(), 'h1', 2_500);
    left.jobs.push(job({ changed: 1 }));
    expect(broken(left)).toEqual(['bulk']);
    expect(broken(ending(worked({ changed: 3 }), 'o1', 2_700))).toEqual(['bulk']);
    const late = worked({ changed: 3 }).signIn('h3', 2_100, { user: 'u4', client: 'herd' });
    expect(broken(ending(late, 'h3', 2_700))).toEqual(['bulk']);
  });

  it('are wrong where they count otherwise, or end twice', () => {
    expect(broken(worked({ changed: 1 }))).toEqual(['bulk']);
    expect(broken(worked({ changed: 3 }).event('revoked', 'h1', 2_700, undefined, REASON))).toEqual(['I7']);
  });

  it('are wrong where they are not over at the end, have failed, or are gone', () => {
    expect(broken(worked({ status: 'running', finishedAt: null }))).toEqual(['bulk']);
    expect(broken(worked({ status: 'failed' }))).toEqual(['bulk']);
    expect(broken(herd())).toEqual(['bulk']);
  });

  it('are wrong where they go on when they have been cancelled', () => {
    const cancelled = (at: number) =>
      worked({ status: 'cancelled', finishedAt: at }).operation('admin-job-cancel', at, { status: 200 }, asked);
    expect(broken(cancelled(2_600))).toEqual([]);
    expect(broken(cancelled(2_300))).toEqual(['bulk']);
  });

  it('that are done are an end that was acknowledged', () => {
    const target = { user: 'ann', reason: REASON };
    const evidence = (status: string) => {
      const one = run()
        .operation('admin-job', 1_999, { status: 201, job: { id: 'j1', status: 'running' } }, { target })
        .operation('admin-job-read', 4_000, { status: 200, job: { id: 'j1', status } }, { target })
        .me('s1', 4_010 + BOUND_MS, 200, { node: 'b' });
      one.jobs.push(job({ filter: { userId: 'ann' }, changed: 1, finishedAt: 3_000 }));
      one.row('s1', { status: 'revoked', endedAt: 2_500 });
      return one.event('revoked', 's1', 2_500, undefined, REASON);
    };
    expect(broken(evidence('done'))).toEqual(['I1']);
    expect(broken(evidence('running'))).toEqual([]);
  });
});

describe('a run in which too little happened', () => {
  it('proves nothing without suspensions, changes of data and jobs', () => {
    const nothing = new EvidenceBuilder().build();
    expect(lifecycleNotExercised(nothing)).toHaveLength(9);
    const answer = { status: 200 };
    const enough = run()
      .step('admin-suspend', 's1', 2_000)
      .me('s1', 2_100, { status: 423 })
      .step('admin-resume', 's1', 2_200)
      .operation('data-merge', 2_300, answer)
      .operation('data-set', 2_300, answer)
      .operation('user-data', 2_300, answer)
      .operation('admin-undo', 2_300, answer)
      .operation('restore', 2_300, answer);
    expect(lifecycleNotExercised(enough.build())).toEqual(['no job came to its end']);
  });
});
