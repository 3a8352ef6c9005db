import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { eventually } from '../security/support/time.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess } from '../support/server.js';
import { ADMIN, PASSWORD } from './support/account-server.js';
import { HttpClient } from './support/http-client.js';

describe('SESSION_SECOND_APPROVER', () => {
  let database: TestDatabase;
  let server: RunningServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startInProcess({
      DATABASE_URL: database.url,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      SESSION_SECOND_APPROVER: 'on',
    });
  });

  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  it('[row 28] has jobs wait for an administrator who has not asked for them', async () => {
    const [asking, approving] = [new HttpClient(server.url), new HttpClient(server.url)];
    await asking.signIn(ADMIN.email, ADMIN.password);
    const other = { email: 'other@example.com', password: PASSWORD, role: 'admin' };
    await asking.post('/admin/accounts', other);
    const { body } = await approving.signIn(other.email, PASSWORD);
    const filter = { userId: body.session.userId as string };
    const asked = await asking.post('/admin/jobs', { kind: 'revoke', filter, reason: 'test' });
    expect(asked).toMatchObject({ status: 201, body: { status: 'awaiting_approval' } });
    const path = `/admin/jobs/${asked.body.id as string}`;
    expect(await asking.post(`${path}/approve`, {})).toMatchObject({
      status: 403,
      body: { code: 'SECOND_APPROVER_NEEDED' },
    });
    expect(await approving.get('/me')).toMatchObject({ status: 200 });
    expect(await approving.post(`${path}/approve`, {})).toMatchObject({ status: 200 });
    await eventually(async () => (await asking.get(path)).body.status !== 'running');
    expect(await asking.get(path)).toMatchObject({ body: { status: 'done', changed: 1 } });
    expect(await approving.get('/me')).toMatchObject({ status: 401 });
  });
});
