import { createClient } from 'redis';
import type { SharedEntry } from './evidence.js';

const KEY = /:\{([0-9a-f-]{36})\}$/;

/** What nodes have told each other through Redis; keys of other uses are left out. */
export async function readSharedLevel(url: string): Promise<SharedEntry[]> {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const keys = (await client.keys('*')).filter((key) => KEY.test(key));
    const values = keys.length === 0 ? [] : await client.mGet(keys);
    return keys.flatMap((key, at) => {
      const value = values[at];
      // It has run out meanwhile.
      return value === undefined || value === null ? [] : [entryOf(KEY.exec(key)?.[1] ?? '', value)];
    });
  } finally {
    client.destroy();
  }
}

/** The first line has the format, the version and more; the record is JSON behind it. */
function entryOf(session: string, value: string): SharedEntry {
  try {
    const { record } = JSON.parse(value.slice(value.indexOf('\n') + 1)) as {
      record: { id: string; version: number; status: string; userId: string; tokenGeneration: number };
    };
    const { id, version, status, userId, tokenGeneration } = record;
    return { session, record: { id, version, status, user: userId, generation: tokenGeneration } };
  } catch {
    return { session, record: null };
  }
}
