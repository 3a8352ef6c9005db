// A wire to the database that can be made to go silent: connections stay open and nothing comes through.
import { connect, createServer } from 'node:net';

export async function wireTo(url) {
  const target = new URL(url);
  const ends = new Set();
  let isSilent = false;
  const server = createServer((client) => {
    const database = connect({ host: target.hostname, port: Number(target.port) });
    for (const [from, to] of [
      [client, database],
      [database, client],
    ]) {
      ends.add(from);
      if (isSilent) from.pause();
      from.on('data', (data) => to.write(data));
      from.on('error', () => undefined);
      from.on('close', () => {
        ends.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(server.address().port);
  return {
    url: through.href,
    silence() {
      isSilent = true;
      for (const end of ends) end.pause();
    },
    heal() {
      isSilent = false;
      for (const end of ends) end.resume();
    },
    close() {
      for (const end of ends) end.destroy();
      server.close();
    },
  };
}
