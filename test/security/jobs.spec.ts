import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AdministrationAction,
  type Session,
  type SessionAccessPolicy,
  SessionAdminService,
  SessionJobs,
  type SessionScope,
} from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, type Client, signedIn, type SignInRequest } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { checksum, sql } from './support/rows.js';
import { eventually } from './support/time.js';

const KEYS = [
  ...['id', 'kind', 'status', 'filter', 'except', 'reason', 'max', 'matched', 'changed', 'skipped'],
  ...['askedBy', 'approvedBy', 'cancelledBy', 'node', 'createdAt', 'approvedAt', 'startedAt', 'heartbeatAt'],
  ...['finishedAt', 'error'],
].sort();

/** `admin…`: everybody; `acme…`: a tenant’s; `freezer`: may suspend alone; `owner…`: their own. */
class Rules implements SessionAccessPolicy {
  scopeFor({ userId, tenantId }: Session, action: AdministrationAction): SessionScope | null {
    if (userId.startsWith('admin')) return { kind: 'all' };
    if (userId.startsWith('acme')) return { kind: 'tenant', tenantId: 'acme' };
    if (userId === 'freezer') return action === 'suspend' ? { kind: 'all' } : null;
    return userId.startsWith('owner') ? { kind: 'user', userId, tenantId } : null;
  }
}

describe.each(ADAPTERS)('jobs over REST on %s', (adapter) => {
  let node: TestApp;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      extras: { accessPolicy: Rules },
      options: { nodeName: 'node-1', jobs: { secondApprover: ({ reason }) => reason === 'delicate' } },
    });
    admin = await signedIn(node, { userId: 'admin' });
  });
  afterAll(() => node.close());

  const crowd = (input: SignInRequest, count: number): Promise<Client[]> =>
    Promise.all(Array.from({ length: count }, () => signedIn(node, input)));
  const ask = (body: object, by = admin): Promise<Answer> =>
    by.post('/admin/jobs', { kind: 'revoke', reason: 'incident', ...body });
  const over = async (id: string, by = admin): Promise<Answer['body']> => {
    let body: Answer['body'] | undefined;
    await eventually(async () => {
      ({ body } = await by.get(`/admin/jobs/${id}`));
      return body['finishedAt'] !== null;
    });
    return body!;
  };

  it('[row 28] ends what matches and was there, in the background, with progress and exactly these keys', async () => {
    const userId = randomUUID();
    const [spared, ...victims] = await crowd({ userId }, 4);
    const stranger = await signedIn(node, { userId: randomUUID() });
    const asked = await ask({ filter: { userId }, except: [spared!.sessionId] });
    expect(asked.status).toBe(201);
    expect(Object.keys(asked.body).toSorted()).toEqual(KEYS);
    expect(asked.body).toMatchObject({ kind: 'revoke', filter: { userId }, matched: 3, askedBy: 'admin', max: null });
    const later = await signedIn(node, { userId });
    const done = await over(asked.body.id);
    expect(done).toMatchObject({ status: 'done', changed: 3, skipped: 0, node: 'node-1', error: null });
    for (const victim of victims) expectProblem(await victim.me(), 'SESSION_REVOKED');
    for (const client of [spared!, stranger, later]) expect(await client.alive()).toBe(200);
    const { body } = await admin.get(`/admin/sessions/${victims[0]!.sessionId}`);
    expect(body).toMatchObject({ status: 'revoked', endReason: 'incident', endedBy: 'admin' });
  });

  it('[row 31] a dry run tells how many match, and changes nothing', async () => {
    const userId = randomUUID();
    const clients = await crowd({ userId }, 2);
    const before = await checksum(node);
    const answer = await ask({ filter: { userId }, dryRun: true });
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: { matched: 2 } });
    expect(await checksum(node)).toBe(before);
    for (const client of clients) expect(await client.alive()).toBe(200);
  });

  it('suspends what can be suspended, no more than its bound, and counts what it passes over', async () => {
    const userId = randomUUID();
    const [, frozen] = await crowd({ userId }, 3);
    await admin.post(`/admin/sessions/${frozen!.sessionId}/suspend`, { reason: 'odd' });
    const all = await over((await ask({ kind: 'suspend', filter: { userId } })).body.id);
    expect(all).toMatchObject({ status: 'done', matched: 3, changed: 2, skipped: 1 });
    expect(await node.app.get(SessionAdminService).count({ userId, status: 'suspended' })).toBe(3);
    const bound = await over((await ask({ filter: { userId }, max: 2 })).body.id);
    expect(bound).toMatchObject({ status: 'done', matched: 3, changed: 2, max: 2 });
    expect(await node.app.get(SessionAdminService).count({ userId, status: 'suspended' })).toBe(1);
  });

  it('[row 46] takes exactly what is documented, and never an empty filter', async () => {
    const before = await checksum(node);
    for (const body of [
      { filter: {} },
      { filter: { userId: undefined } },
      { filter: { userId: 'x' }, kind: 'delete' },
      { filter: { userId: 'x' }, scope: { kind: 'all' } },
      { filter: { userId: 'x', scope: { kind: 'all' } } },
      { filter: { userId: 'x' }, askedBy: 'somebody' },
      { filter: { userId: 'x' }, status: 'running' },
      { filter: { userId: 'x', createdUntil: 1 } },
      { filter: { userId: 'x', status: 'revoked' } },
      { filter: { userId: 'a\0' } },
      { filter: { ids: ['*'] } },
      { filter: { userId: 'x' }, max: 0 },
      { filter: { userId: 'x' }, max: 2 ** 31 },
      { filter: { userId: 'x' }, reason: '' },
    ]) {
      expectProblem(await ask(body), 'VALIDATION_FAILED', ['errors']);
    }
    expectProblem(await admin.get('/admin/jobs?limit=0'), 'VALIDATION_FAILED', ['errors']);
    expectProblem(await admin.get('/admin/jobs?cursor=%7B'), 'VALIDATION_FAILED', ['errors']);
    expectProblem(await admin.del('/admin/jobs'), 'METHOD_NOT_ALLOWED');
    expectProblem(await admin.get(`/admin/jobs/${randomUUID()}/cancel`), 'METHOD_NOT_ALLOWED');
    expect(await checksum(node)).toBe(before);
  });

  it('[row 44] a tenant’s job stays inside the tenant, and others’ jobs do not exist there', async () => {
    const userId = randomUUID();
    const [inside, outside] = [
      await signedIn(node, { userId, tenantId: 'acme' }),
      await signedIn(node, { userId, tenantId: 'other' }),
    ];
    const tenantAdmin = await signedIn(node, { userId: 'acme-admin', tenantId: 'acme' });
    const asked = await ask({ filter: { userId } }, tenantAdmin);
    expect(asked.body).toMatchObject({ matched: 1, node: null });
    expect(await over(asked.body.id, tenantAdmin)).toMatchObject({ changed: 1, skipped: 0, node: null });
    expect([await inside.alive(), await outside.alive()]).toEqual([401, 200]);
    const foreign = await ask({ filter: { userId } });
    await over(foreign.body.id);
    for (const path of ['', '/approve', '/cancel']) {
      const ask = (id: string) =>
        path === '' ? tenantAdmin.get(`/admin/jobs/${id}`) : tenantAdmin.post(`/admin/jobs/${id}${path}`);
      for (const id of [foreign.body.id, randomUUID(), '*', `${asked.body.id}x`]) {
        expectProblem(await ask(id), 'JOB_NOT_FOUND');
      }
    }
    const colleague = await signedIn(node, { userId: 'acme-colleague', tenantId: 'acme' });
    const listed = (await colleague.get('/admin/jobs?limit=200')).body.items.map(({ id }) => id);
    expect(listed).toContain(asked.body.id);
    expect(listed).not.toContain(foreign.body.id);
  });

  it('[row 42] is asked for with the right that its kind takes, and nobody else sees it', async () => {
    const userId = randomUUID();
    await signedIn(node, { userId });
    const [freezer, nobody, owner] = [
      await signedIn(node, { userId: 'freezer' }),
      await signedIn(node, { userId: 'nobody' }),
      await signedIn(node, { userId: 'owner' }),
    ];
    expectProblem(await ask({ filter: { userId } }, freezer), 'FORBIDDEN');
    expectProblem(await ask({ filter: { userId } }, nobody), 'FORBIDDEN');
    expectProblem(await nobody.get('/admin/jobs'), 'FORBIDDEN');
    const { body } = await ask({ kind: 'suspend', filter: { userId } }, freezer);
    expect(await over(body.id, freezer)).toMatchObject({ status: 'done', changed: 1 });
    expectProblem(await owner.get(`/admin/jobs/${body.id}`), 'JOB_NOT_FOUND');
    const revoking = await ask({ filter: { userId } });
    expectProblem(await freezer.get(`/admin/jobs/${revoking.body.id}`), 'JOB_NOT_FOUND');
    const own = await ask({ filter: { deviceType: 'other' }, dryRun: true }, owner);
    expect(own.body).toEqual({ matched: 1 });
  });

  it('[row 48] is listed newest first, page by page', async () => {
    const asked: string[] = [];
    for (let n = 0; n < 5; n += 1) asked.push((await ask({ filter: { userId: randomUUID() } })).body.id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await admin.get(`/admin/jobs?limit=2${cursor}`);
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '' && seen.length < asked.length);
    expect(seen.slice(0, 5)).toEqual(asked.toReversed());
  });

  describe('a second approver', () => {
    const delicate = async (userId: string, by = admin): Promise<string> => {
      const { body } = await ask({ filter: { userId }, reason: 'delicate' }, by);
      expect(body.status).toBe('awaiting_approval');
      return body.id;
    };

    it('is somebody else, in person, with the same right; before that nothing ends', async () => {
      const userId = randomUUID();
      const victim = await signedIn(node, { userId });
      const id = await delicate(userId);
      const other = await signedIn(node, { userId: 'admin-2' });
      const tenantAdmin = await signedIn(node, { userId: 'acme-admin', tenantId: 'acme' });
      const elsewhere = await signedIn(node, { userId: 'admin', tenantId: 'elsewhere' });
      const puppet = await signedIn(node, { userId: 'admin-3', impersonatedBy: { userId: 'admin', tenantId: null } });
      const approve = (by: Client): Promise<Answer> => by.post(`/admin/jobs/${id}/approve`);
      expectProblem(await approve(admin), 'SECOND_APPROVER_NEEDED');
      expectProblem(await approve(elsewhere), 'SECOND_APPROVER_NEEDED');
      expectProblem(await approve(puppet), 'SECOND_APPROVER_NEEDED');
      expectProblem(await approve(tenantAdmin), 'JOB_NOT_FOUND');
      expectProblem(await ask({ filter: { userId }, reason: 'delicate' }, puppet), 'SECOND_APPROVER_NEEDED');
      expect(await victim.alive()).toBe(200);
      const approved = await approve(other);
      expect(approved.status).toBe(200);
      expect(await over(id)).toMatchObject({ status: 'done', changed: 1, approvedBy: 'admin-2' });
      expect(await victim.alive()).toBe(401);
      // Once more changes nothing, and a third is told.
      expect((await approve(other)).body.status).toBe('done');
      expectProblem(await approve(await signedIn(node, { userId: 'admin-4' })), 'JOB_STATE_CONFLICT');
    });

    it('may come too late', async () => {
      const userId = randomUUID();
      const victim = await signedIn(node, { userId });
      const id = await delicate(userId);
      await sql(node, `UPDATE identity_session_job SET created_at = created_at - interval '24 hours' WHERE id = $1`, [
        id,
      ]);
      const other = await signedIn(node, { userId: 'admin-2' });
      expectProblem(await other.post(`/admin/jobs/${id}/approve`), 'JOB_STATE_CONFLICT');
      expect(await victim.alive()).toBe(200);
    });

    it('may find it cancelled, which anybody may do who could have asked', async () => {
      const id = await delicate(randomUUID());
      const other = await signedIn(node, { userId: 'admin-2' });
      const cancel = (): Promise<Answer> => other.post(`/admin/jobs/${id}/cancel`);
      expect((await cancel()).body).toMatchObject({ status: 'cancelled', cancelledBy: 'admin-2' });
      expect((await cancel()).body.status).toBe('cancelled');
      expectProblem(await other.post(`/admin/jobs/${id}/approve`), 'JOB_STATE_CONFLICT');
      const done = await over((await ask({ filter: { userId: randomUUID() } })).body.id);
      expectProblem(await other.post(`/admin/jobs/${done.id}/cancel`), 'JOB_STATE_CONFLICT');
    });
  });

  it('[row 52] a page of another site asks for none', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    const body = { kind: 'revoke', filter: { userId: 'x' }, reason: 'incident' };
    expectProblem(await admin.request('POST', '/admin/jobs', { body, headers }), 'CROSS_SITE');
  });

  it('in code it takes what REST refuses no more than that', async () => {
    const jobs = node.app.get(SessionJobs);
    const input = { kind: 'revoke', reason: 'x', by: null } as const;
    for (const filter of [{}, { exceptIds: [randomUUID()] }, { status: 'expired' }, { userId: '\0' }, { ids: ['x'] }]) {
      await expect(jobs.start({ ...input, filter: filter as object })).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      });
    }
    for (const max of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
      await expect(jobs.start({ ...input, filter: { userId: 'x' }, max })).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      });
    }
  });
});
