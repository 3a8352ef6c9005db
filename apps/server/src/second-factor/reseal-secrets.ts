import type { LoggerService } from '@nestjs/common';
import type { TokenKey } from 'nestjs-identity-session';
import type { DataSource } from 'typeorm';
import { type BoxedSecret, SecretBox } from './secret-box.js';

const PAGE = 500;

interface StaleRow extends BoxedSecret {
  readonly id: string;
  readonly accountId: string;
}

interface OpenedRow extends Pick<StaleRow, 'id' | 'accountId'> {
  readonly plain: Uint8Array;
}

/**
 * Seals with the first key what lies there unsealed or under another key, so that a key that was replaced can be left out
 * from the next start on. The caller holds the lock that keeps other nodes out.
 */
export async function resealSecrets(
  dataSource: DataSource,
  tokenKeys: readonly TokenKey[],
  logger: LoggerService,
): Promise<void> {
  const box = new SecretBox(tokenKeys);
  let lost = 0;
  for (let after: string | null = null; ;) {
    const stale: StaleRow[] = await dataSource.query<StaleRow[]>(
      `SELECT id, account_id AS "accountId", secret, key_id AS "keyId"
         FROM totp_factor
        WHERE key_id IS DISTINCT FROM $1 AND ($2::uuid IS NULL OR id > $2::uuid)
        ORDER BY id
        LIMIT ${PAGE}`,
      [box.keyId, after],
    );
    if (stale.length === 0) break;
    const opened = stale.flatMap((row) => openedBy(box, row));
    lost += stale.length - opened.length;
    if (box.keyId !== null) await replace(dataSource, box, opened);
    after = stale.at(-1)?.id ?? null;
  }
  if (lost > 0) {
    logger.warn(`${lost} second factors do not open with any of SESSION_TOKEN_KEYS: nobody signs in by them.`);
  }
}

/** Nothing for one that does not open: one broken row must not keep a server from starting. */
function openedBy(box: SecretBox, row: StaleRow): OpenedRow[] {
  const { id, accountId } = row;
  try {
    return [{ id, accountId, plain: box.open(row, accountId) }];
  } catch {
    return [];
  }
}

async function replace(dataSource: DataSource, box: SecretBox, rows: readonly OpenedRow[]): Promise<void> {
  const secrets = rows.map(({ plain, accountId }) => box.seal(plain, accountId).secret);
  await dataSource.query(
    `UPDATE totp_factor f SET secret = n.secret, key_id = $3
       FROM unnest($1::uuid[], $2::bytea[]) AS n(id, secret)
      WHERE f.id = n.id`,
    [rows.map(({ id }) => id), secrets, box.keyId],
  );
}
