import { hash } from '@node-rs/argon2';
import pg from 'pg';

/** A session that somebody was given, by the token that they hold now. */
export interface Held {
  readonly userId: string;
  readonly sessionId: string;
  readonly transport: 'cookie' | 'bearer';
  token: string;
}

/** Somebody with an account and up to a few sessions; which of them still live, only the server knows. */
export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly sessions: Held[];
}

export const PASSWORD = 'correct horse battery';
/** What is verified tells its cost: a cheap hash, so that requests do not queue for the hasher. */
const CHEAP = { memoryCost: 8, timeCost: 1, parallelism: 1 };
const TENANTS = [null, 'red', 'blue'];

/** Makes accounts behind the server's back; the last two administrate a tenant and everybody. */
export async function makePeople(databaseUrl: string, count: number): Promise<Person[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const passwordHash = await hash(PASSWORD, CHEAP);
    const people: Person[] = [];
    for (let n = 0; n < count; n += 1) {
      const email = `person-${n}@example.com`;
      const role = n === count - 1 ? 'admin' : n === count - 2 ? 'tenant-admin' : 'user';
      const tenant = role === 'tenant-admin' ? 'red' : role === 'admin' ? null : TENANTS[n % TENANTS.length];
      const { rows } = await client.query<{ id: string }>(
        `INSERT INTO account (email, email_key, password_hash, role, tenant_id) VALUES ($1, $1, $2, $3, $4) RETURNING id`,
        [email, passwordHash, role, tenant],
      );
      people.push({ userId: rows[0]!.id, email, sessions: [] });
    }
    return people;
  } finally {
    await client.end();
  }
}
