// What docs/history.md shows; compiled with the tests.
import { createWriteStream } from 'node:fs';
import { Injectable } from '@nestjs/common';
import {
  type ErasureAccessPolicy,
  type EraseResult,
  IdentitySessionModule,
  type Session,
  type SessionAccessPolicy,
  SessionAdminService,
  type SessionScope,
  type UserHistoryEntry,
} from 'nestjs-identity-session';

// #region context
@Injectable()
export class FraudDesk {
  constructor(private readonly admin: SessionAdminService) {}

  async freeze(sessionId: string, caseId: string): Promise<Session | undefined> {
    return this.admin.suspend(sessionId, {
      reason: 'looks odd',
      by: 'fraud-desk',
      source: 'fraud-desk',
      tags: [`case-${caseId}`],
      idempotencyKey: `freeze-${caseId}`, // asked for again, it changes nothing more
    });
  }
}
// #endregion

// #region read
export async function newDevicesOf(admin: SessionAdminService, userId: string): Promise<UserHistoryEntry[]> {
  const found: UserHistoryEntry[] = [];
  for (let after: string | null = null; ;) {
    const entries = await admin.userHistory(userId, { limit: 500, after });
    found.push(...entries.filter(({ type }) => type === 'created'));
    after = entries.at(-1)?.id ?? null;
    if (entries.length < 500) return found;
  }
}
// #endregion

// #region export
export async function writeExport(admin: SessionAdminService, userId: string, path: string): Promise<void> {
  const file = createWriteStream(path);
  for await (const part of admin.exportUser(userId, { tenantId: null })) {
    const items = part.kind === 'sessions' ? part.sessions.map(({ id, data }) => ({ id, data })) : part.entries;
    for (const item of items) file.write(`${JSON.stringify(item)}\n`);
  }
  await new Promise<void>((resolve) => file.end(resolve));
}
// #endregion

// #region erase
@Injectable()
export class PrivacyDesk {
  constructor(private readonly admin: SessionAdminService) {}

  erase(userId: string, officer: Session): Promise<EraseResult> {
    // After a crash: the same call again.
    return this.admin.eraseUser(userId, { tenantId: null, reason: 'art_17', by: officer.userId });
  }
}

export class Rights implements SessionAccessPolicy, ErasureAccessPolicy {
  scopeFor({ userId }: Session): SessionScope | null {
    return userId === 'admin' || userId === 'officer' ? { kind: 'all' } : null;
  }

  erasureScopeFor({ userId }: Session): SessionScope | null {
    return userId === 'officer' ? { kind: 'all' } : null;
  }
}
// #endregion

// #region values
export const withValues = IdentitySessionModule.forRoot({ history: { dataValues: true } });
// #endregion
