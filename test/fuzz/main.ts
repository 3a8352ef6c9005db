// npm run test:fuzz -- --requests 100000 [--seed 7] [--adapter fastify]
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Database } from '../nemesis/cluster/database.js';
import { fuzz } from './run.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    adapter: { type: 'string', default: 'express' },
  },
});
const [requests, seed] = [Number(values.requests), Number(values.seed)];
if (!(requests > 0) || !Number.isInteger(seed)) throw new Error('Use --requests 100000 --seed 7 --adapter fastify.');
const adapter = values.adapter === 'fastify' ? 'fastify' : 'express';
console.log(`${requests} requests on ${adapter}, seed ${seed}`);

const database = await Database.start();
try {
  const report = await fuzz({ databaseUrl: database.url, requests, seed, adapter });
  const rate = Math.round(report.requests / report.seconds);
  console.log(`${report.requests} requests in ${report.seconds.toFixed(1)} s, ${rate} a second`);
  console.log(
    `answers: ${Object.entries(report.outcomes)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')}`,
  );
  console.log(`${report.identified} answers of /me, each its token's user; ${report.memory}`);
  for (const violation of report.violations) console.error(`VIOLATION ${violation}`);
  if (report.violations.length > 0) {
    console.error(`Again: npm run test:fuzz -- --requests ${requests} --seed ${seed} --adapter ${adapter}`);
    process.exitCode = 1;
  }
} finally {
  await database.remove();
}
