// What docs/recipes.md shows of one-time passwords; compiled with the tests.
import { Injectable } from '@nestjs/common';
import { AccountEvents, IdentitySessionError, type Session } from 'nestjs-identity-session';
import { Secret, TOTP } from 'otpauth';
import type { DataSource } from 'typeorm';

/** Your own: keeps secrets sealed, under a key that is not in the database. */
export abstract class SecretBox {
  abstract seal(secret: Uint8Array, userId: string): Buffer;
  abstract open(sealed: Buffer, userId: string): Uint8Array;
}

interface Factor {
  readonly id: string;
  readonly secret: Buffer;
  readonly now: number;
}

// #region totp
const RULES = { algorithm: 'SHA1', digits: 6, period: 30 } as const; // what every authenticator does

@Injectable()
export class OneTimePasswords {
  constructor(
    private readonly dataSource: DataSource,
    private readonly box: SecretBox,
    private readonly events: AccountEvents,
  ) {}

  /** Told once. Ask for a recent sign-in: @RequireFreshSession({ maxAgeMs: 600_000 }) on the route. */
  async enrol(userId: string, label: string): Promise<{ uri: string }> {
    const secret = new Secret({ size: 20 });
    const made = await this.dataSource.query<unknown[]>(
      `INSERT INTO totp_factor (id, user_id, secret, last_step, confirmed) VALUES (gen_random_uuid(), $1, $2, -1, false)
       ON CONFLICT (user_id) DO UPDATE SET id = excluded.id, secret = excluded.secret, last_step = -1
       WHERE NOT totp_factor.confirmed RETURNING id`,
      [userId, this.box.seal(secret.bytes, userId)],
    );
    if (made.length === 0) throw new IdentitySessionError('FORBIDDEN', 'Remove the factor that is there first.');
    return { uri: new TOTP({ ...RULES, issuer: 'Example', label, secret }).toString() };
  }

  /** The user's other sessions end, and this one goes on at aal2 with a new token. */
  async confirm(session: Session, code: string, exchange: { request: object; response: object }): Promise<void> {
    const { userId, tenantId } = session;
    const factorId = await this.take(userId, code);
    await this.dataSource.transaction('READ COMMITTED', async (manager) => {
      const update = 'UPDATE totp_factor SET confirmed = true WHERE id = $1 AND NOT confirmed';
      const [, confirmed] = await manager.query<[unknown, number]>(update, [factorId]);
      if (confirmed !== 1) throw wrong(); // another enrolment was begun meanwhile
      await this.events.factorChanged({ userId, tenantId, session, assurance: 'aal2', manager, ...exchange });
    });
  }

  /** Takes each code once, on all nodes: it is the statement that claims its time step. Limit the attempts. */
  async take(userId: string, code: string): Promise<string> {
    const [factor] = await this.dataSource.query<Factor[]>(
      `SELECT id, secret, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now FROM totp_factor WHERE user_id = $1`,
      [userId],
    );
    if (factor === undefined) throw wrong();
    const { id, now: timestamp } = factor;
    const secret = new Secret({ buffer: Uint8Array.from(this.box.open(factor.secret, userId)).buffer });
    const delta = TOTP.validate({ ...RULES, secret, token: code, timestamp, window: 1 }); // compares in constant time
    if (delta === null) throw wrong();
    const step = TOTP.counter({ period: RULES.period, timestamp }) + delta;
    const [, claimed] = await this.dataSource.query<[unknown, number]>(
      'UPDATE totp_factor SET last_step = $2 WHERE id = $1 AND last_step < $2',
      [id, step],
    );
    if (claimed !== 1) throw wrong();
    return id;
  }
}

function wrong(): IdentitySessionError {
  return new IdentitySessionError('BAD_CREDENTIALS', 'The code is not right, or was used already.');
}
// #endregion
