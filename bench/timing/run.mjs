// Whether the time of a refusal tells what the answer does not: an unknown session from a known one with a wrong secret,
// and an unknown account from a wrong password. One reference server on one PostgreSQL. See bench/README.md.
import { randomBytes, randomInt } from 'node:crypto';
import { Agent, request } from 'node:http';
import { startDatabase } from '../database.mjs';
import { surroundings } from '../guard/report.mjs';
import { startReferenceServer } from '../reference-server.mjs';
import { cropped, quantile, welch } from './welch.mjs';

const option = (name, fallback) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback);
const TRIES = option('tries', 5_000);
const SIGN_INS = option('sign-ins', 500);
const KNOWN_SESSIONS = 100;
const WARM_UP = 0.1;
const MOST = 4.5;
const CREDENTIALS = { email: 'bench@example.com', password: 'correct horse battery' };
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** One request over the one connection, with the time from its sending to the end of its answer. */
function call(node, method, path, { token, body } = {}) {
  const payload = body && JSON.stringify(body);
  const headers = {
    ...(token && { authorization: `Bearer ${token}` }),
    ...(payload && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
  };
  return new Promise((resolve, reject) => {
    const begunAt = process.hrtime.bigint();
    const outgoing = request(node.url + path, { agent, method, headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk) => (text += chunk));
      incoming.on('end', () => {
        const us = Number(process.hrtime.bigint() - begunAt) / 1_000;
        resolve({ status: incoming.statusCode, us, body: text === '' ? {} : JSON.parse(text) });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

const secret = () => randomBytes(32).toString('base64url');

/** An id as a new session has it: of now, and of nobody. */
function unknownId() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Times two kinds of requests, in an order that nobody knows before, until there are `tries` of each. */
async function compare(tries, kinds, code) {
  const times = kinds.map(() => []);
  const warmUp = Math.ceil(tries * WARM_UP);
  for (let pair = 0; pair < tries + warmUp; pair += 1) {
    const first = randomInt(2);
    for (const kind of [first, 1 - first]) {
      const { status, us, body } = await kinds[kind]();
      if (status !== 401 || body.code !== code) throw new Error(`Expected 401 ${code}, got ${status} ${body.code}.`);
      if (pair >= warmUp) times[kind].push(us);
    }
  }
  return times;
}

/** Prints the figures of one comparison; true where the two are not told apart. */
function report(names, [a, b]) {
  for (const [name, values] of [
    [names[0], a],
    [names[1], b],
  ]) {
    const [p10, median, p90] = [0.1, 0.5, 0.9].map((part) => quantile(values, part).toFixed(0).padStart(8));
    console.log(`${name.padEnd(34)} ${String(values.length).padStart(6)} ${p10} ${median} ${p90}`);
  }
  const t = [1, 0.99, 0.9, 0.5].map((part) => welch(...cropped(a, b, part)));
  const worst = Math.max(...t.map(Math.abs));
  const told = t.map((value) => value.toFixed(2)).join(', ');
  console.log(
    `  Welch's t of all, and of the fastest 99, 90 and 50 %: ${told}   below ${MOST}: ${worst < MOST ? 'met' : 'not met'}\n`,
  );
  return worst < MOST;
}

const postgres = await startDatabase();
try {
  const { commit, node: version, cpu, cores, loadBefore } = surroundings();
  console.log(`bench:timing at ${commit}, Node ${version}, ${cores} × ${cpu}, load ${loadBefore}`);
  console.log('one reference server, embedded PostgreSQL, one connection, times in µs\n');
  console.log(`${'kind of request'.padEnd(34)}  tries      p10   median      p90`);
  const node = await startReferenceServer({ DATABASE_URL: postgres.url });
  try {
    await call(node, 'POST', '/auth/sign-up', { body: CREDENTIALS });
    const ids = [];
    while (ids.length < KNOWN_SESSIONS) {
      const { status, body } = await call(node, 'POST', '/auth/sign-in', {
        body: { ...CREDENTIALS, transport: 'bearer' },
      });
      if (status !== 200) throw new Error(`The sign-in was answered with ${status}.`);
      ids.push(body.session.id);
      await call(node, 'GET', '/me', { token: body.token });
    }
    const withToken = (id) => call(node, 'GET', '/me', { token: `ids_${id}.0.${secret()}` });
    const sessions = await compare(
      TRIES,
      [() => withToken(unknownId()), () => withToken(ids[randomInt(ids.length)])],
      'SESSION_INVALID',
    );
    report(['unknown session', 'known session, wrong secret'], sessions);
    const attempt = (email) =>
      call(node, 'POST', '/auth/sign-in', { body: { email, password: `wrong ${secret()}`, transport: 'bearer' } });
    const accounts = await compare(
      SIGN_INS,
      // As long as the other, so that no parser makes the difference.
      [() => attempt(`${randomBytes(2).toString('hex')}x@example.com`), () => attempt(CREDENTIALS.email)],
      'BAD_CREDENTIALS',
    );
    report(['unknown account', 'known account, wrong password'], accounts);
  } finally {
    agent.destroy();
    await node.stop();
  }
} finally {
  await postgres.stop();
}
