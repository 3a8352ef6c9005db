// What clients of each example do: sign in, use a guarded route, revoke, be refused.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { io } from 'socket.io-client';
import { assertProblem, clientOf, sessionCookieOf } from '../client.mjs';
import { node } from '../processes.mjs';
import { freePort } from '../running.mjs';

const ADA = { user: 'ada', password: 'correct horse' };
const ROOT = { user: 'root', password: 'battery staple' };

/** By the name of the example. `start` gives the URL of the application, with an environment of its own. */
export const DRIVES = {
  'app-guard': async ({ step, start, directory }) => {
    const noDatabase = { ...process.env, DATABASE_URL: '' };
    await step('passes its tests, without a database', () =>
      node(['--test', 'dist/documents.test.js'], { cwd: directory, env: noDatabase }),
    );
    const client = clientOf((await start()).url);
    const ada = await step('signs in', () => signIn(client, ADA));
    const root = await signIn(client, ROOT);
    await step('guards by session, then by role', async () => {
      assertProblem(await client('GET', '/documents'), 401, 'SESSION_MISSING');
      assert.deepEqual((await client('GET', '/documents', ada)).body, { for: 'ada' });
      assert.equal((await client('POST', '/documents', ada)).status, 403);
      assert.deepEqual((await client('POST', '/documents', root)).body, { publishedBy: 'root' });
    });
    await step('revokes', () => revoke(client, ada, () => client('GET', '/documents', ada)));
  },

  'fastify-commonjs': async ({ step, start, createDatabase }) => {
    const client = clientOf((await start({ SESSIONS_DATABASE_URL: await createDatabase() })).url);
    const ada = await step('signs in', () => signIn(client, ADA));
    await step('guards the controller of another module, in front of the application’s own table', async () => {
      assertProblem(await client('GET', '/orders'), 401, 'SESSION_MISSING');
      assert.equal((await client('POST', '/orders', { ...ada, body: { item: 'book' } })).status, 201);
      assert.deepEqual((await client('GET', '/orders', ada)).body, [{ id: 1, userId: 'ada', item: 'book' }]);
      assert.deepEqual((await client('GET', '/orders', await signIn(client, ROOT))).body, []);
    });
    await step('revokes', () => revoke(client, ada, () => client('GET', '/orders', ada), '/api/sessions'));
    await step('signs out', async () => {
      const again = await signIn(client, ADA);
      assert.equal((await client('POST', '/sign-out', again)).status, 204);
      assertProblem(await client('GET', '/orders', again), 401, 'SESSION_SIGNED_OUT');
    });
  },

  graphql: async ({ step, start }) => {
    const client = clientOf((await start()).url);
    const ask = async (query, credential) => client('POST', '/graphql', { ...credential, body: { query } });
    const codeOf = ({ body }) => body.errors?.[0]?.extensions?.code;
    const signInBy = async () => {
      const answer = await ask(`mutation { signIn(user: "ada", password: "correct horse") }`);
      return { sessionId: answer.body.data.signIn, cookie: sessionCookieOf(answer) };
    };
    const ada = await step('signs in by a mutation, with a cookie', signInBy);
    await step('guards resolvers', async () => {
      assert.equal((await ask('{ me }', ada)).body.data.me, 'ada');
      assert.equal(codeOf(await ask('{ me }')), 'SESSION_MISSING');
      assert.ok((await ask(`mutation { signIn(user: "ada", password: "x") }`)).body.errors);
    });
    await step('revokes', async () => {
      const other = await signInBy();
      assert.equal((await client('DELETE', `/sessions/${ada.sessionId}`, other)).status, 204);
      assert.equal(codeOf(await ask('{ me }', ada)), 'SESSION_REVOKED');
      assert.equal((await ask('mutation { signOut }', other)).body.data.signOut, true);
      assert.equal(codeOf(await ask('{ me }', other)), 'SESSION_SIGNED_OUT');
    });
  },

  'jwt-sid': async ({ step, start }) => {
    const client = clientOf((await start()).url);
    const ada = await step('signs in, with a JWT and no cookie', async () => {
      const answer = await client('POST', '/sign-in', { body: ADA });
      assert.deepEqual([answer.status, answer.headers.getSetCookie()], [201, []]);
      return { bearer: answer.body.accessToken, sessionId: answer.body.sessionId };
    });
    await step('guards its routes', async () => {
      assert.deepEqual((await client('GET', '/me', ada)).body, { userId: 'ada' });
      assertProblem(await client('GET', '/me'), 401, 'SESSION_MISSING');
      const [header, , signature] = ada.bearer.split('.');
      const claims = Buffer.from(JSON.stringify({ sid: ada.sessionId, sub: 'ada' })).toString('base64url');
      for (const bearer of [`${header}.${claims}.${signature}`, ada.sessionId]) {
        assert.equal((await client('GET', '/me', { bearer })).status, 401);
      }
      assertProblem(await client('GET', '/me', { cookie: `__Host-session=${ada.sessionId}` }), 401, 'SESSION_MISSING');
    });
    await step('revokes a JWT', async () => {
      const { body } = await client('POST', '/sign-in', { body: ADA });
      const other = { bearer: body.accessToken };
      assert.equal((await client('DELETE', `/sessions/${ada.sessionId}`, other)).status, 204);
      assertProblem(await client('GET', '/me', ada), 401, 'SESSION_REVOKED');
      assert.equal((await client('POST', '/sign-out', other)).status, 204);
      assertProblem(await client('GET', '/me', other), 401, 'SESSION_SIGNED_OUT');
    });
  },

  passport: async ({ step, start }) => {
    const client = clientOf((await start()).url);
    const ada = await step('signs in by a strategy', async () => {
      assert.equal((await client('POST', '/sign-in', { body: { ...ADA, password: 'x' } })).status, 401);
      assert.equal((await client('POST', '/sign-in', { body: {} })).status, 401);
      return signIn(client, ADA);
    });
    await step('guards its routes', async () => {
      assert.deepEqual((await client('GET', '/me', ada)).body, { userId: 'ada' });
      assertProblem(await client('GET', '/me'), 401, 'SESSION_MISSING');
    });
    await step('revokes', () => revoke(client, ada, () => client('GET', '/me', ada)));
  },

  rpc: async ({ step, start }) => {
    const port = await freePort();
    const client = clientOf((await start({ RPC_PORT: String(port) })).url);
    const signInBy = async () => {
      const { status, body } = await client('POST', '/sign-in', { body: ADA });
      assert.equal(status, 201);
      return { bearer: body.token, sessionId: body.sessionId };
    };
    const ada = await step('signs in, with a bearer token', signInBy);
    const place = ({ bearer } = {}) =>
      send(port, 'orders.place', { item: 'book', headers: bearer && { authorization: `Bearer ${bearer}` } });
    await step('guards messages', async () => {
      assert.deepEqual((await place(ada)).response, { item: 'book', for: 'ada' });
      assert.equal((await place()).err.code, 'SESSION_MISSING');
      assert.equal((await send(port, 'orders.place', 'text')).err.code, 'SESSION_MISSING');
    });
    await step('revokes', async () => {
      assert.equal((await client('DELETE', `/sessions/${ada.sessionId}`, await signInBy())).status, 204);
      assert.equal((await place(ada)).err.code, 'SESSION_REVOKED');
    });
  },
  sockets: async ({ step, start }) => {
    const { url } = await start();
    const client = clientOf(url);
    const ada = await step('signs in', () => signIn(client, ADA));
    const socketOf = (credential) => {
      const extraHeaders = credential === undefined ? {} : { Cookie: credential.cookie };
      return io(url, { forceNew: true, reconnection: false, transports: ['websocket'], extraHeaders });
    };
    const next = (socket, event) =>
      new Promise((resolve, reject) => {
        setTimeout(reject, 30_000, new Error(`There was no ${event}.`)).unref();
        socket.once(event, resolve);
      });
    await step('asks for a session in the handshake', async () => {
      assert.equal((await next(socketOf(), 'connect_error')).data.code, 'SESSION_MISSING');
    });
    const socket = socketOf(ada);
    await step('serves a gateway', async () => {
      assert.deepEqual(await socket.timeout(30_000).emitWithAck('orders'), { of: 'ada' });
      const refusal = next(socket, 'exception');
      socket.emit('pay');
      assert.equal((await refusal).code, 'ASSURANCE_TOO_LOW');
    });
    await step('kicks what is revoked, and says so', async () => {
      const [told, closed] = [next(socket, 'session:revoked'), next(socket, 'disconnect')];
      const other = await signIn(client, ADA);
      assert.equal((await client('DELETE', `/sessions/${ada.sessionId}`, other)).status, 204);
      const { sessionId, code } = await told;
      assert.deepEqual({ sessionId, code }, { sessionId: ada.sessionId, code: 'SESSION_REVOKED' });
      await closed;
      assert.equal((await next(socketOf(ada), 'connect_error')).data.code, 'SESSION_REVOKED');
    });
  },
};

async function signIn(client, credentials) {
  const answer = await client('POST', '/sign-in', { body: credentials });
  assert.equal(answer.status, 201);
  return { cookie: sessionCookieOf(answer), sessionId: answer.body.sessionId };
}

/** The same user, signed in elsewhere, ends the session. */
async function revoke(client, { sessionId }, use, path = '/sessions') {
  assert.ok((await use()).status < 300);
  const other = await signIn(client, ADA);
  assert.equal((await client('DELETE', `${path}/${sessionId}`, other)).status, 204);
  assertProblem(await use(), 401, 'SESSION_REVOKED');
}

/** One message to a microservice of Nest over TCP: length, `#`, JSON. Gives its answer. */
async function send(port, pattern, data) {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').setTimeout(30_000);
  try {
    const message = JSON.stringify({ pattern, data, id: '1' });
    socket
      .on('timeout', () => socket.destroy(new Error(`${pattern} was not answered.`)))
      .write(`${message.length}#${message}`);
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      const [length, ...rest] = text.split('#');
      const answer = rest.join('#');
      if (rest.length > 0 && answer.length >= Number(length)) return JSON.parse(answer.slice(0, Number(length)));
    }
    throw new Error(`${pattern}: the connection ended after "${text}".`);
  } finally {
    socket.destroy();
  }
}
