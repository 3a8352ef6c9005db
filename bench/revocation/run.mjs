// How long after a revocation was answered by one node another node still admits the session: two server processes on
// one PostgreSQL, with hints of either kind and without. See bench/README.md.
import { startDatabase } from '../database.mjs';
import { surroundings } from '../guard/report.mjs';
import { startRedis } from '../redis-server.mjs';
import { startReferenceServer } from '../reference-server.mjs';

const TRIES = Number(process.argv.find((argument) => argument.startsWith('--tries='))?.slice(8) ?? 1_000);
const TRIES_WITHOUT_HINTS = Math.min(TRIES, 50);
const TAIL_INTERVAL_MS = 1_000;
const CREDENTIALS = { email: 'bench@example.com', password: 'correct horse battery' };

async function call(node, method, path, token, body) {
  const answer = await fetch(node.url + path, {
    method,
    headers: {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(body && { 'Content-Type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text) };
}

async function expectStatus(status, promise) {
  const answer = await promise;
  if (answer.status !== status)
    throw new Error(`Expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** From the answer to the revocation to the sending of the last request that was still admitted, in milliseconds. */
async function revokeOnce(a, b, actor) {
  const victim = await expectStatus(200, signIn(a));
  await expectStatus(200, call(b, 'GET', '/me', victim.token));
  await expectStatus(204, call(a, 'DELETE', `/sessions/${victim.session.id}`, actor));
  const answeredAt = performance.now();
  for (let admittedAt = answeredAt; ;) {
    const askedAt = performance.now();
    const { status } = await call(b, 'GET', '/me', victim.token);
    if (status === 401) return admittedAt - answeredAt;
    if (status !== 200) throw new Error(`The second node answered ${status}.`);
    admittedAt = askedAt;
  }
}

const signIn = (node) => call(node, 'POST', '/auth/sign-in', undefined, { ...CREDENTIALS, transport: 'bearer' });

async function measure(databaseUrl, redisUrl, hints, tries) {
  const environment = {
    DATABASE_URL: databaseUrl,
    ...(hints === 'redis' && { REDIS_URL: redisUrl }),
    SESSION_HINTS: hints,
    SESSION_TAIL_INTERVAL_MS: String(TAIL_INTERVAL_MS),
  };
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startReferenceServer({ ...environment, NODE_NAME: name })));
  try {
    await call(a, 'POST', '/auth/sign-up', undefined, CREDENTIALS);
    const { token } = await expectStatus(200, signIn(a));
    const delays = [];
    while (delays.length < tries) delays.push(await revokeOnce(a, b, token));
    return delays.toSorted((x, y) => x - y);
  } finally {
    await Promise.all([a.stop(), b.stop()]);
  }
}

const percentile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

const postgres = await startDatabase();
const redis = await startRedis();
try {
  const { commit, node, cpu, cores, loadBefore } = surroundings();
  console.log(`bench:revocation at ${commit}, Node ${node}, ${cores} × ${cpu}, load ${loadBefore}`);
  console.log(`two nodes, embedded PostgreSQL, SESSION_TAIL_INTERVAL_MS=${TAIL_INTERVAL_MS}\n`);
  console.log('hints      tries   median ms   p99 ms   max ms   aim');
  for (const [hints, tries, aim] of [
    ['postgres', TRIES, 50],
    ...(redis === undefined ? [] : [['redis', TRIES, 50]]),
    ['off', TRIES_WITHOUT_HINTS, TAIL_INTERVAL_MS + 100],
  ]) {
    const sorted = await measure(postgres.url, redis?.url, hints, tries);
    const [median, p99, max] = [percentile(sorted, 0.5), percentile(sorted, 0.99), sorted.at(-1)];
    const figures = [median, p99, max].map((value) => value.toFixed(1).padStart(8));
    const met = p99 <= aim ? 'met' : 'not met';
    console.log(`${hints.padEnd(9)} ${String(tries).padStart(6)}    ${figures.join(' ')}   p99 ≤ ${aim} ms: ${met}`);
  }
  if (redis === undefined) console.log('redis      not measured: set REDIS_URL, or install redis-server');
} finally {
  redis?.stop();
  await postgres.stop();
}
