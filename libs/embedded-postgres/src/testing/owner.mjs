// A process that owns an embedded PostgreSQL, to be killed by the specs. Takes the options as JSON; prints what came of
// the start, and of each signal, as a line of JSON. SIGINT: tells whether the database still answers, then stops it.
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/index.js';

const print = (report) => process.stdout.write(`${JSON.stringify(report)}\n`);

try {
  const server = await startEmbeddedPostgres(JSON.parse(process.argv[2]));
  process.stdin.resume(); // Runs until it is told to end.
  process.once('SIGINT', async () => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query('SELECT 42 AS answer');
    await client.end();
    print({ interrupted: rows[0] });
    await server.stop();
    process.exit();
  });
  const { url, port, pid, adopted } = server;
  print({ started: { url, port, pid, adopted } });
} catch (error) {
  const { code, message, details } = error;
  print({ failed: { code, message, details } });
}
