import { beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv, type AnySchema } from 'ajv';
import formats from 'ajv-formats';
import { ERROR_CATALOGUE } from 'nestjs-identity-session';
import { Authenticator } from './support/authenticator.js';
import { accountServer, PASSWORD, type SignedInAccount } from './support/account-server.js';
import type { Answer, HttpClient } from './support/http-client.js';

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: AnySchema }>> }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: object };
}

const NOBODY = '019a9d4e-6c1b-7c55-9a3e-2f0d6a4b8c11';
/** Codes that only the process as a whole can cause, the application's own mistakes, or what no route here does. */
const NOT_OF_A_ROUTE = [
  'METHOD_NOT_ALLOWED',
  'CONFIGURATION_INVALID',
  'ISOLATION_LEVEL',
  // The module's routes neither change data nor take locks.
  'SESSION_DATA_CONFLICT',
  'LOCK_NOT_ACQUIRED',
  'LOCK_REENTERED',
  'LOCK_LOST',
];

describe.each(['express', 'fastify'])('the OpenAPI document on %s', (adapter) => {
  const server = accountServer(adapter);
  let document: Document;
  let ajv: Ajv;

  beforeAll(async () => {
    document = (await server.client().get('/docs-json')).body as Document;
    ajv = new Ajv({ strict: false, allErrors: true });
    (formats as unknown as (to: Ajv) => void)(ajv);
    ajv.addSchema(document, 'api');
  });

  /** Sends a request, and holds status, type and body of the answer against what the document says of it. */
  async function send(client: HttpClient, method: string, path: string, route: string, body?: object): Promise<Answer> {
    const answer = await client.send(method, path, body);
    const operation = document.paths[route]?.[method.toLowerCase()];
    const response = operation?.responses[answer.status];
    expect({ route, method, status: answer.status, isDescribed: response !== undefined }).toMatchObject({
      isDescribed: true,
    });
    const [type] = (answer.headers.get('content-type') ?? '').split(';');
    if (response?.content === undefined) {
      expect(answer.body).toBeUndefined();
      return answer;
    }
    expect(Object.keys(response.content)).toContain(type);
    const pointer = [route, method.toLowerCase(), 'responses', String(answer.status), 'content', type!, 'schema'];
    const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
    const validate = ajv.compile({ $ref: `api#/paths/${escaped.join('/')}` });
    validate(answer.body);
    expect({ route, method, errors: validate.errors ?? [] }).toEqual({ route, method, errors: [] });
    return answer;
  }

  it('is a valid document', async () => {
    expect(await new Validator().validate(structuredClone(document) as object as Record<string, unknown>)).toEqual({
      valid: true,
    });
  });

  it('describes every operation: what it is for, what it answers, and every error with an example', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const where = `${method} ${path}`;
        expect([where, operation.summary]).toEqual([where, expect.stringMatching(/\w/)]);
        const statuses = Object.keys(operation.responses);
        const answers = statuses.filter((status) => status.startsWith('2'));
        // A dry run makes nothing.
        expect([where, answers]).toEqual([where, where === 'post /admin/jobs' ? ['200', '201'] : [expect.any(String)]]);
        const isOpen = operation.security?.length === 0;
        expect([where, statuses.includes('401') || isOpen]).toEqual([where, true]);
      }
    }
    expect(Object.keys(document.components.securitySchemes)).toEqual(['cookie', 'bearer']);
  });

  it('knows every code of a route, and no other', () => {
    const described = new Set(
      Object.values(document.paths)
        .flatMap((methods) => Object.values(methods))
        .flatMap((operation) => Object.values(operation.responses))
        .flatMap((response) => Object.values(response.content ?? {}))
        .flatMap((media) => Object.keys((media as { examples?: object }).examples ?? {})),
    );
    const codes = Object.keys(ERROR_CATALOGUE).filter((code) => !NOT_OF_A_ROUTE.includes(code));
    expect(codes.filter((code) => !described.has(code))).toEqual([]);
  });

  it('is what the server answers: accounts and sign-in', async () => {
    const visitor = server.client();
    const email = server.freshEmail();
    await send(visitor, 'POST', '/auth/sign-up', '/auth/sign-up', { email, password: PASSWORD });
    await send(visitor, 'POST', '/auth/sign-up', '/auth/sign-up', { email: 'x', password: PASSWORD });
    await send(visitor, 'POST', '/auth/sign-in', '/auth/sign-in', { email, password: `not ${PASSWORD}` });
    await send(visitor, 'GET', '/me', '/me');
    await send(visitor, 'POST', '/auth/sign-in', '/auth/sign-in', { email, password: PASSWORD });
    await send(visitor, 'GET', '/me', '/me');
    const next = `${PASSWORD} anew`;
    await send(visitor, 'POST', '/auth/password', '/auth/password', { current: PASSWORD, next });
    await send(visitor, 'POST', '/auth/sign-out', '/auth/sign-out');
    await send(visitor, 'POST', '/auth/sign-in', '/auth/sign-in', { email, password: next, transport: 'bearer' });
    await send(visitor, 'GET', '/health', '/health');
    await send(visitor, 'GET', '/metrics', '/metrics');
  });

  it('is what the server answers: a second factor', async () => {
    const { userId, email, client } = await server.signedUp();
    const factor = '/me/factors/totp';
    await send(client, 'DELETE', factor, factor);
    const { body } = await send(client, 'POST', factor, factor);
    const authenticator = new Authenticator(body.secret as string);
    await send(client, 'POST', `${factor}/confirm`, `${factor}/confirm`, { code: authenticator.wrong() });
    await send(client, 'POST', `${factor}/confirm`, `${factor}/confirm`, { code: await authenticator.next() });
    await send(client, 'POST', factor, factor);
    await send(client, 'GET', '/me/account', '/me/account');
    const credentials = { email, password: PASSWORD };
    await send(client, 'POST', '/auth/sign-in', '/auth/sign-in', credentials);
    await send(client, 'GET', '/me/account', '/me/account');
    await send(client, 'POST', '/auth/complete', '/auth/complete', {});
    await send(client, 'POST', '/auth/complete', '/auth/complete', { code: authenticator.wrong() });
    await send(client, 'POST', '/auth/complete', '/auth/complete', { code: await authenticator.next() });
    await send(client, 'POST', '/auth/complete', '/auth/complete', {});
    const lost = `/admin/accounts/${userId}/factors/totp`;
    await send(client, 'DELETE', lost, '/admin/accounts/{id}/factors/totp');
    const admin = await server.administrator();
    await send(admin, 'DELETE', lost, '/admin/accounts/{id}/factors/totp');
    await send(admin, 'DELETE', lost, '/admin/accounts/{id}/factors/totp');
  });

  it('is what the server answers: my sessions', async () => {
    const { client } = await server.signedUp();
    const current = await send(client, 'GET', '/sessions/current', '/sessions/current');
    const path = `/sessions/${current.body.id as string}`;
    await send(client, 'GET', '/sessions', '/sessions');
    await send(client, 'GET', '/sessions?x=1', '/sessions');
    await send(client, 'PATCH', path, '/sessions/{id}', { deviceName: 'Mine' });
    await send(client, 'PATCH', path, '/sessions/{id}', { userId: 'x' });
    await send(client, 'DELETE', `/sessions/${NOBODY}`, '/sessions/{id}');
    await send(client, 'DELETE', '/sessions', '/sessions');
    await send(client, 'DELETE', path, '/sessions/{id}');
    await send(client, 'GET', '/sessions', '/sessions');
  });

  it('is what the server answers: settings', async () => {
    const admin = await server.administrator();
    const route = '/admin/settings';
    const { body } = await send(admin, 'GET', route, route);
    const change = { version: body.version as number, settings: { lifetimes: {} }, reason: 'test' };
    await send(admin, 'PUT', route, route, change);
    await send(admin, 'PUT', route, route, change);
    await send(admin, 'PUT', route, route, { ...change, settings: { limit: 0 } });
    await send(admin, 'GET', `${route}/history`, `${route}/history`);
    await send(admin, 'DELETE', `${route}?reason=test&version=${change.version + 1}`, route);
    await send((await server.signedUp()).client, 'GET', route, route);
  });

  it('is what the server answers: administration', async () => {
    const admin = await server.administrator();
    const somebody = await server.signedUp();
    const other = await server.signedUp();
    const id = await currentId(somebody);
    const users = `/admin/users/${somebody.userId}/sessions`;
    await send(somebody.client, 'GET', '/admin/sessions', '/admin/sessions');
    await send(admin, 'GET', '/admin/sessions?limit=1', '/admin/sessions');
    await send(admin, 'GET', '/admin/sessions?limit=0', '/admin/sessions');
    await send(admin, 'GET', `/admin/sessions/${id}`, '/admin/sessions/{id}');
    await send(admin, 'GET', `/admin/sessions/${NOBODY}`, '/admin/sessions/{id}');
    const one = '/admin/sessions/{id}';
    await send(admin, 'POST', `/admin/sessions/${id}/resume`, `${one}/resume`, {});
    await send(admin, 'POST', `/admin/sessions/${id}/suspend`, `${one}/suspend`, { reason: 'test' });
    await send(admin, 'POST', `/admin/sessions/${id}/suspend`, `${one}/suspend`, {});
    await send(admin, 'POST', `/admin/sessions/${id}/resume`, `${one}/resume`, {});
    await send(admin, 'POST', `/admin/sessions/${NOBODY}/resume`, `${one}/resume`, {});
    for (const action of ['approve', 'reject'] as const) {
      const body = action === 'approve' ? { requirement: 'four_eyes' } : { reason: 'test' };
      await send(admin, 'POST', `/admin/sessions/${id}/${action}`, `${one}/${action}`, body);
      await send(admin, 'POST', `/admin/sessions/${id}/${action}`, `${one}/${action}`, {});
      await send(admin, 'POST', `/admin/sessions/${NOBODY}/${action}`, `${one}/${action}`, body);
    }
    await send(admin, 'GET', `/admin/sessions/${id}/events?limit=2`, `${one}/events`);
    await send(admin, 'GET', `/admin/sessions/${NOBODY}/events`, `${one}/events`);
    const bulk = { filter: { userId: somebody.userId }, reason: 'test' };
    await send(admin, 'POST', '/admin/sessions/revoke', '/admin/sessions/revoke', { ...bulk, dryRun: true });
    await send(admin, 'POST', '/admin/sessions/revoke', '/admin/sessions/revoke', { ...bulk, filter: {} });
    await send(admin, 'GET', users, '/admin/users/{userId}/sessions');
    await send(admin, 'DELETE', `${users}/${id}`, '/admin/users/{userId}/sessions/{id}');
    await send(admin, 'DELETE', users, '/admin/users/{userId}/sessions');
    await send(admin, 'DELETE', `/admin/sessions/${await currentId(other)}`, '/admin/sessions/{id}');
    await send(admin, 'POST', '/admin/cut-offs', '/admin/cut-offs', { userId: somebody.userId, reason: 'test' });
    const account = { email: server.freshEmail(), password: PASSWORD, role: 'user' };
    const made = await send(admin, 'POST', '/admin/accounts', '/admin/accounts', account);
    const path = `/admin/accounts/${made.body.userId as string}`;
    const messages = `/admin/users/${made.body.userId as string}/messages`;
    const message = '/admin/users/{userId}/messages';
    await send(admin, 'POST', messages, message, { text: 'Hello' });
    await send(admin, 'POST', messages, message, { text: '' });
    await send(admin, 'POST', `/admin/users/${NOBODY}/messages`, message, { text: 'Hello' });
    await send((await server.signedUp()).client, 'POST', messages, message, { text: 'Hello' });
    await send(admin, 'PATCH', path, '/admin/accounts/{id}', { disabled: true });
  });

  it('is what the server answers: jobs, and sessions as a file', async () => {
    const admin = await server.administrator();
    const { client, userId } = await server.signedUp();
    const route = '/admin/jobs';
    const job = { kind: 'revoke', filter: { userId }, reason: 'test' };
    await send(client, 'POST', route, route, job);
    await send(admin, 'POST', route, route, { ...job, dryRun: true });
    await send(admin, 'POST', route, route, { ...job, filter: {} });
    const asked = await send(admin, 'POST', route, route, job);
    await send(admin, 'GET', `${route}?limit=1`, route);
    await send(client, 'GET', route, route);
    const path = `${route}/${asked.body.id as string}`;
    await send(admin, 'GET', path, `${route}/{id}`);
    await send(admin, 'GET', `${route}/${NOBODY}`, `${route}/{id}`);
    await send(admin, 'POST', `${path}/approve`, `${route}/{id}/approve`);
    await send(admin, 'POST', `${path}/cancel`, `${route}/{id}/cancel`);
    await send(admin, 'GET', `/admin/sessions.csv?userId=${userId}`, '/admin/sessions.csv');
    await send(admin, 'GET', '/admin/sessions.csv?limit=1', '/admin/sessions.csv');
  });

  async function currentId({ client }: SignedInAccount): Promise<string> {
    return (await client.get('/sessions/current')).body.id as string;
  }
});
